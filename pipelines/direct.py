"""Speech in, the same words back in the agent's voice: no language model."""

from pipecat.pipeline.pipeline import Pipeline

from pipelines import agent
from processors.responder import Responder, repeat
from transports.wire import WireTransport
from voice_agent.server.sessions import Session


def build(session: Session) -> tuple[Pipeline, WireTransport]:
    """The pipeline of a direct session on the wire protocol."""
    return agent.build(session, Responder(repeat))
