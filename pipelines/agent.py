"""A spoken conversation: audio → turns → text → answer → speech."""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameProcessor

from pipelines.asr import hearing, listening
from pipelines.tts import speaker_of, voices_of
from processors.answer import AnswerTracker
from processors.call_control import CallControl
from processors.conversation import Conversation
from processors.keypad import Keypad
from processors.language_model import LanguageModel
from processors.latency import LatencyMeter
from processors.responder import Responder, by_rules
from processors.text_to_speech import TextToSpeech
from transports.agent_wire import AgentSerializer
from transports.twilio import CallTransport
from transports.wire import WireTransport
from voice_agent.engines.base import EngineInfo
from voice_agent.engines.room import EngineRoom
from voice_agent.errors import SettingsError
from voice_agent.server.sessions import Session
from voice_agent.server.twilio.routes import Call
from voice_agent.settings import LlmSettings, Settings


def engines(settings: Settings) -> EngineRoom:
    """The engines of a process that converses.

    Raises:
        SettingsError: An engine cannot run, or the language model is half set.
    """
    room = EngineRoom.both(settings)
    room.thinks = _thinks(settings.llm)
    return room


def _thinks(llm: LlmSettings) -> EngineInfo:
    if not llm.base_url:
        return EngineInfo(
            name="rules",
            role="thinks",
            model="built in",
            why="no language model is set; simple rules answer",
            hint="VOICE_AGENT_LLM__BASE_URL=http://localhost:11434/v1 "
            "VOICE_AGENT_LLM__MODEL=NAME make run",
        )
    if not llm.model:
        raise SettingsError("llm.base_url is set and llm.model is not; name the model")
    return EngineInfo(
        name="openai-compatible",
        role="thinks",
        model=llm.model,
        device="remote",
        why=f"chosen in the settings: {llm.base_url}",
    )


def thinking(session: Session) -> FrameProcessor:
    """The language model, or the rules that stand in for it."""
    llm = session.settings.llm
    if not llm.base_url:
        return Responder(by_rules)
    return LanguageModel(
        base_url=llm.base_url,
        api_key=llm.api_key.get_secret_value(),
        model=llm.model,
        timeout_s=llm.timeout_s,
    )


def conversing(session: Session, responder: FrameProcessor) -> list[FrameProcessor]:
    """The processors of a conversation, from the caller's audio to the agent's.

    Args:
        session: Whose it is.
        responder: Answers an `LLMContextFrame` with a response, as LLM services do.
    """
    return [*_understanding(session, responder), *_speaking(session)]


def build(session: Session, responder: FrameProcessor) -> tuple[Pipeline, WireTransport]:
    """The pipeline of a conversation on the wire protocol. Arguments as `conversing`."""
    transport = listening(session, AgentSerializer)
    pipeline = Pipeline([transport.input(), *conversing(session, responder), transport.output()])
    return pipeline, transport


def on_call(
    session: Session, call: Call, responder: FrameProcessor
) -> tuple[Pipeline, CallTransport]:
    """The pipeline of the same conversation on the telephone.

    Args:
        session: Whose it is.
        call: The call.
        responder: As for `conversing`.
    """
    twilio = session.settings.twilio
    transport = calling(session, call)
    pipeline = Pipeline(
        [
            transport.input(),
            Keypad(session_id=session.id, actions=twilio.keys, pause_s=twilio.key_pause_s),
            *_understanding(session, responder),
            CallControl(session_id=session.id, line=_TwilioLine(call, transport)),
            *_speaking(session),
            transport.output(),
        ]
    )
    return pipeline, transport


def calling(session: Session, call: Call) -> CallTransport:
    """The transport of a call that has begun."""
    return CallTransport(
        session.websocket,
        call.start,
        service=session.service,
        gather_ms=session.settings.asr.gather_ms,
        send_timeout_s=session.settings.server.send_timeout_s,
    )


def _understanding(session: Session, responder: FrameProcessor) -> list[FrameProcessor]:
    prompt = session.settings.llm.system_prompt
    conversation = Conversation(session_id=session.id, system_prompt=prompt)
    return [*hearing(session), conversation, responder]


def _speaking(session: Session) -> list[FrameProcessor]:
    tts = session.settings.tts
    return [
        TextToSpeech(
            session_id=session.id,
            speaker=speaker_of(session),
            voices=voices_of(session),
            voice_id=tts.voice,
            max_chars=tts.max_text_chars,
            speakable=tts.speakable,
        ),
        AnswerTracker(session_id=session.id, max_ahead_s=tts.max_ahead_s),
        LatencyMeter(session_id=session.id),
    ]


class _TwilioLine:
    """A call that Twilio's REST interface ends and transfers.

    Closing the stream ends the call too: the TwiML of the webhook has nothing after it. The
    interface is asked all the same, for calls that came here by somebody else's TwiML.
    """

    def __init__(self, call: Call, transport: CallTransport) -> None:
        self._call = call
        self._transport = transport

    async def hang_up(self) -> None:
        """Ends it, in any case."""
        if self._call.rest.available:
            await self._call.rest.hang_up(self._call.start.call_sid)
        await self._transport.close()

    async def transfer(self, to: str) -> bool:
        """Connects the caller with somebody else; whether that was possible."""
        return await self._call.rest.transfer(self._call.start.call_sid, to)
