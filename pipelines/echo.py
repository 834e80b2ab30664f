"""What a caller says comes back at once, on any transport."""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.transports.base_transport import BaseTransport

from pipelines.run import over_wire
from processors.echo import Echo
from transports.agent_wire import AgentSerializer
from transports.twilio import CallTransport
from transports.wire import WireTransport
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.server.sessions import Session
from voice_agent.server.twilio.routes import Call
from voice_agent.turns.config import AsrConfig

_WIRE_SAMPLE_RATE_HZ = 24_000
# no turns are found here: short frames, for a short delay
_GATHER_MS = 20
# what telephones and peers may be ahead of real time
_MAX_AHEAD_S = 1.0


def on_wire(session: Session) -> tuple[Pipeline, WireTransport]:
    """The pipeline of a session on the agent's wire; its client sets the pace."""
    server, asr = session.settings.server, session.settings.asr
    serializer = AgentSerializer(
        service=session.service,
        config=AsrConfig(
            models=(), languages=lambda _: (), language="auto", silence_ms=asr.silence_ms
        ),
        gather_ms=_GATHER_MS,
        max_frame_bytes=server.max_frame_bytes,
        max_expansion_s=server.max_unprocessed_audio_s,
    )
    transport = over_wire(session, serializer)
    echo = Echo(sample_rate_hz=_WIRE_SAMPLE_RATE_HZ)
    return Pipeline([transport.input(), echo, transport.output()]), transport


def on_call(session: Session, call: Call) -> tuple[Pipeline, CallTransport]:
    """The pipeline of a telephone call."""
    transport = CallTransport(
        session.websocket,
        call.start,
        service=session.service,
        gather_ms=_GATHER_MS,
        send_timeout_s=session.settings.server.send_timeout_s,
    )
    return on_transport(transport), transport


def on_transport(transport: BaseTransport) -> Pipeline:
    """The pipeline of any transport that plays what it is given."""
    echo = Echo(sample_rate_hz=ASR_SAMPLE_RATE_HZ, max_ahead_s=_MAX_AHEAD_S)
    return Pipeline([transport.input(), echo, transport.output()])
