"""A spoken conversation: audio → turns → text → answer → speech."""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameProcessor

from pipelines.asr import hearing, listening
from pipelines.llm import llm_backend
from pipelines.recorded import recorded
from pipelines.tts import speaker_of, voices_of
from processors.call_control import CallControl
from processors.conversation import Conversation
from processors.latency import LatencyMeter
from processors.phrases import PhrasePlayer
from processors.playback_tracker import PlaybackTracker
from processors.stock_speech import StockSpeech
from processors.text_to_speech import TextToSpeech
from transports.agent_wire import AgentSerializer
from transports.wire import NORMAL_CLOSURE, WireTransport
from voice_agent.engines.engine_set import EngineSet
from voice_agent.errors import EngineUnavailable
from voice_agent.records.session import SessionRecord
from voice_agent.remote.engine_set import agent_engines
from voice_agent.server.sessions import Session
from voice_agent.settings import Settings
from voice_agent.synthesis.prompt_cache import PromptCache


def engines(settings: Settings) -> EngineSet:
    """The engines of a process that converses.

    Raises:
        SettingsError: An engine cannot run, or the language model is half set.
    """
    made = agent_engines(settings)
    made.llm = llm_backend(settings)
    return made


def phrases(settings: Settings) -> dict[str, str]:
    """What a process that converses says again and again, by name."""
    return settings.conversation.phrases


def build(
    session: Session,
    responder: FrameProcessor,
    record: SessionRecord | None = None,
    *,
    stt: FrameProcessor | None = None,
    tts: FrameProcessor | None = None,
) -> tuple[Pipeline, WireTransport]:
    """The pipeline of a conversation on the wire protocol.

    Args:
        session: Whose it is.
        responder: Answers an `LLMContextFrame` with a response, as LLM services do.
        record: What is written down of it, if anything is.
        stt: A stock STT service that hears instead of the process's recogniser.
        tts: A stock TTS service that answers instead of the process's speaker; phrases are still
            that one's.
    """
    transport = listening(session, AgentSerializer)
    between = [
        *understanding(session, responder, stt=stt),
        CallControl(session_id=session.id, line=_Connection(transport)),
        *speaking(session, tts),
    ]
    return Pipeline([transport.input(), *recorded(record, between), transport.output()]), transport


def understanding(
    session: Session,
    responder: FrameProcessor,
    *,
    by_telephone: bool = False,
    stt: FrameProcessor | None = None,
) -> list[FrameProcessor]:
    """From the caller's audio to the answer's text. Arguments as `build`, `hearing`."""
    conversation = Conversation(
        session_id=session.id,
        system_prompt=session.settings.llm.system_prompt,
        policy=session.settings.conversation,
        max_context_chars=session.settings.llm.max_context_chars,
    )
    return [*hearing(session, by_telephone=by_telephone, stt=stt), conversation, responder]


def speaking(session: Session, stock: FrameProcessor | None = None) -> list[FrameProcessor]:
    """From the answer's text to its audio, and what of it was heard. Arguments as `build`."""
    tracker = PlaybackTracker(session_id=session.id, max_ahead_s=session.settings.tts.max_ahead_s)
    voice = [stock, StockSpeech()] if stock else [_own_voice(session)]
    return [
        *voice,
        PhrasePlayer(
            session_id=session.id, book=phrases_of(session), ahead_s=lambda: tracker.ahead_s
        ),
        tracker,
        LatencyMeter(session_id=session.id),
    ]


def _own_voice(session: Session) -> TextToSpeech:
    tts = session.settings.tts
    return TextToSpeech(
        speaker_of(session),
        voices=voices_of(session),
        voice_id=tts.voice,
        max_chars=tts.max_text_chars,
        speakable=tts.speakable,
        session_id=session.id,
    )


def phrases_of(session: Session) -> PromptCache:
    """What the session can say whatever becomes of the speaker.

    Raises:
        EngineUnavailable: This process does not converse.
    """
    if session.phrases is None:
        raise EngineUnavailable("this process does not converse")
    return session.phrases


class _Connection:
    """A session on the wire, as a call that can be ended and not transferred."""

    def __init__(self, transport: WireTransport) -> None:
        self._transport = transport

    async def hang_up(self) -> None:
        """Closes the connection in order."""
        await self._transport.close(NORMAL_CLOSURE)

    async def transfer(self, to: str) -> bool:
        """There is nobody to connect with."""
        del to
        return False
