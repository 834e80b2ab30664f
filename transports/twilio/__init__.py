"""Twilio Media Streams: a telephone call as a Pipecat transport."""

from transports.twilio.transport import CallTransport

__all__ = ["CallTransport"]
