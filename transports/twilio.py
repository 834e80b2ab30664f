"""Twilio Media Streams: a telephone call as a Pipecat transport.

It takes the call's audio in and out, and `clear` on an interruption. It does not yet check
signatures, hang up or transfer, follow marks, or pace by what Twilio has played.
"""

import asyncio
import json

import numpy as np
from fastapi import WebSocket, WebSocketDisconnect
from pipecat.audio.resamplers.base_audio_resampler import BaseAudioResampler
from pipecat.frames.frames import Frame
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)

from voice_agent.audio.pcm import float_to_int16, int16_to_float
from voice_agent.audio.resample import Resampler
from voice_agent.errors import BadMessage

TWILIO_SAMPLE_RATE_HZ = 8_000
# `connected` and `start` come at once
_START_WITHIN_S = 5.0
_MAX_FRAME_CHARS = 64 << 10
_PACKETS_10MS = 2


class _SmallLagResampler(BaseAudioResampler):
    """Ours, as Pipecat's serializers call it; Pipecat's own adds 63 to 84 ms."""

    def __init__(self) -> None:
        self._resampler: Resampler | None = None

    async def resample(self, audio: bytes, in_rate: int, out_rate: int) -> bytes:
        if in_rate == out_rate:
            return audio
        if self._resampler is None:
            self._resampler = Resampler(in_rate, out_rate)
        samples = int16_to_float(np.frombuffer(audio, np.int16))
        return float_to_int16(self._resampler.push(samples)).tobytes()


class TwilioSerializer(TwilioFrameSerializer):
    """Media messages to frames and back; never raises for what came in.

    Args:
        stream_sid: Names the stream in every message to Twilio.
        sample_rate_hz: Of the audio that enters the pipeline.
    """

    def __init__(self, stream_sid: str, *, sample_rate_hz: int) -> None:
        params = self.InputParams(auto_hang_up=False, sample_rate=sample_rate_hz)
        super().__init__(stream_sid, params=params)
        self._input_resampler = _SmallLagResampler()
        self._output_resampler = _SmallLagResampler()

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """A frame of the call; None for anything else."""
        if len(data) > _MAX_FRAME_CHARS:
            return None
        try:
            # parsed here too: for what is not JSON the other one logs all of it
            message = json.loads(data)
            return await super().deserialize(data) if isinstance(message, dict) else None
        except (ValueError, TypeError, AttributeError, RecursionError):
            return None


async def call_transport(websocket: WebSocket, *, sample_rate_hz: int) -> FastAPIWebsocketTransport:
    """The transport of a call whose socket has just been accepted.

    Args:
        websocket: Nothing has been read from it.
        sample_rate_hz: Of the audio in the pipeline, both ways.

    Raises:
        BadMessage: What came is no start of a stream; close the socket.
    """
    serializer = TwilioSerializer(await _stream_sid(websocket), sample_rate_hz=sample_rate_hz)
    params = FastAPIWebsocketParams(
        serializer=serializer,
        audio_in_enabled=True,
        audio_out_enabled=True,
        audio_in_sample_rate=sample_rate_hz,
        audio_out_sample_rate=sample_rate_hz,
        audio_out_10ms_chunks=_PACKETS_10MS,
        allowed_origins=[],
    )
    return FastAPIWebsocketTransport(websocket, params)


async def _stream_sid(websocket: WebSocket) -> str:
    """Reads up to `start`."""
    try:
        async with asyncio.timeout(_START_WITHIN_S):
            for _ in range(2):
                message = json.loads(await websocket.receive_text())
                if message["event"] == "start":
                    media = message["start"].get("mediaFormat", {})
                    if media.get("encoding", "audio/x-mulaw") != "audio/x-mulaw":
                        raise BadMessage("the stream is not µ-law")
                    return str(message["streamSid"])
    except (
        *(ValueError, KeyError, TypeError, AttributeError, RecursionError),
        *(TimeoutError, WebSocketDisconnect, RuntimeError),
    ) as error:
        raise BadMessage("the stream does not begin as Twilio's do") from error
    raise BadMessage("no start came")
