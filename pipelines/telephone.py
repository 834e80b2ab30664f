"""The conversation of `pipelines.agent`, on a telephone call."""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameProcessor

from pipelines.agent import speaking, understanding
from pipelines.recorded import recorded
from processors.call_control import CallControl
from processors.keypad import Keypad
from transports.twilio import CallTransport
from voice_agent.records.record import EndedBy
from voice_agent.records.session import SessionRecord
from voice_agent.server.sessions import Session
from voice_agent.server.twilio.routes import Call


def build(
    session: Session, call: Call, responder: FrameProcessor, record: SessionRecord | None = None
) -> tuple[Pipeline, CallTransport]:
    """The pipeline of a call.

    Args:
        session: Whose it is.
        call: The call.
        responder: As for `pipelines.agent.build`.
        record: What is written down of it, if anything is.
    """
    twilio = session.settings.twilio
    transport = calling(session, call)
    between = [
        Keypad(session_id=session.id, actions=twilio.keys, pause_s=twilio.key_pause_s),
        *understanding(session, responder, by_telephone=True),
        CallControl(session_id=session.id, line=_TwilioLine(call, transport, record)),
        *speaking(session),
    ]
    return Pipeline([transport.input(), *recorded(record, between), transport.output()]), transport


def calling(session: Session, call: Call) -> CallTransport:
    """The transport of a call that has begun."""
    return CallTransport(
        session.websocket,
        call.start,
        service=session.service,
        gather_ms=session.settings.asr.gather_ms,
        send_timeout_s=session.settings.server.send_timeout_s,
    )


class _TwilioLine:
    """A call that Twilio's REST interface ends and transfers.

    Closing the stream ends the call too: the TwiML of the webhook has nothing after it. The
    interface is asked all the same, for calls that came here by somebody else's TwiML.
    """

    def __init__(self, call: Call, transport: CallTransport, record: SessionRecord | None) -> None:
        self._call = call
        self._transport = transport
        self._record = record

    async def hang_up(self) -> None:
        """Ends it, in any case."""
        self._note("agent")
        if self._call.rest.available:
            await self._call.rest.hang_up(self._call.start.call_sid)
        await self._transport.close()

    async def transfer(self, to: str) -> bool:
        """Connects the caller with somebody else; whether that was possible."""
        done = await self._call.rest.transfer(self._call.start.call_sid, to)
        if done:
            self._note("transfer")
        return done

    def _note(self, who: EndedBy) -> None:
        if self._record is not None:
            self._record.ended_by = who
