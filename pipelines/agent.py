"""A spoken conversation: audio → turns → text → answer → speech."""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameProcessor

from pipelines.asr import hearing, listening
from pipelines.tts import speaker_of
from processors.answer import AnswerTracker
from processors.conversation import Conversation
from processors.language_model import LanguageModel
from processors.latency import LatencyMeter
from processors.responder import Responder, by_rules
from processors.text_to_speech import TextToSpeech
from transports.agent_wire import AgentSerializer
from transports.wire import WireTransport
from voice_agent.engines.base import EngineInfo
from voice_agent.engines.room import EngineRoom
from voice_agent.errors import SettingsError
from voice_agent.server.sessions import Session
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


def build(session: Session, responder: FrameProcessor) -> tuple[Pipeline, WireTransport]:
    """The pipeline of a conversation on the wire protocol.

    Args:
        session: Whose it is.
        responder: Answers an `LLMContextFrame` with a response, as LLM services do.
    """
    tts = session.settings.tts
    transport = listening(session, AgentSerializer)
    pipeline = Pipeline(
        [
            transport.input(),
            *hearing(session),
            Conversation(session_id=session.id, system_prompt=session.settings.llm.system_prompt),
            responder,
            TextToSpeech(
                session_id=session.id,
                speaker=speaker_of(session),
                voice_id=tts.voice,
                max_chars=tts.max_text_chars,
            ),
            AnswerTracker(session_id=session.id, max_ahead_s=tts.max_ahead_s),
            LatencyMeter(session_id=session.id),
            transport.output(),
        ]
    )
    return pipeline, transport
