"""Text to speech: requests → audio chunks."""

from pipecat.pipeline.pipeline import Pipeline

from pipelines.run import over_wire
from processors.synthesis import Synthesis
from transports.tts_wire import TtsSerializer
from transports.wire import WireTransport
from voice_agent.engines.base import Speaker
from voice_agent.errors import EngineUnavailable
from voice_agent.server.sessions import Session
from voice_agent.voices.registry import VoiceRegistry


def speaker_of(session: Session) -> Speaker:
    """The session's speaker.

    Raises:
        EngineUnavailable: This process does not speak.
    """
    if session.engines.speaker is None:
        raise EngineUnavailable("this process has no speaker")
    return session.engines.speaker


def voices_of(session: Session) -> VoiceRegistry:
    """The voices that the session can speak in.

    Raises:
        EngineUnavailable: This process does not speak.
    """
    if session.voices is None:
        raise EngineUnavailable("this process has no speaker")
    return session.voices


def build(session: Session) -> tuple[Pipeline, WireTransport]:
    """The pipeline of a TTS session on the wire protocol."""
    server = session.settings.server
    serializer = TtsSerializer(
        max_frame_bytes=server.max_frame_bytes,
        max_voice_frame_bytes=server.max_voice_frame_bytes,
    )
    transport = over_wire(session, serializer)
    synthesis = Synthesis(
        session_id=session.id,
        speaker=speaker_of(session),
        voices=voices_of(session),
        service=session.service,
        limits=session.settings.tts,
    )
    return Pipeline([transport.input(), synthesis, transport.output()]), transport
