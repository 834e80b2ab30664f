"""A spoken conversation: audio → turns → text → answer → speech."""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameProcessor

from pipelines.asr import hearing, listening
from pipelines.thinking import thinks
from pipelines.tts import speaker_of, voices_of
from processors.answer import AnswerTracker
from processors.conversation import Conversation
from processors.latency import LatencyMeter
from processors.text_to_speech import TextToSpeech
from transports.agent_wire import AgentSerializer
from transports.wire import WireTransport
from voice_agent.engines.room import EngineRoom
from voice_agent.server.sessions import Session
from voice_agent.settings import Settings


def engines(settings: Settings) -> EngineRoom:
    """The engines of a process that converses.

    Raises:
        SettingsError: An engine cannot run, or the language model is half set.
    """
    room = EngineRoom.both(settings)
    room.thinks = thinks(settings.llm)
    return room


def conversing(session: Session, responder: FrameProcessor) -> list[FrameProcessor]:
    """The processors of a conversation, from the caller's audio to the agent's.

    Args:
        session: Whose it is.
        responder: Answers an `LLMContextFrame` with a response, as LLM services do.
    """
    return [*understanding(session, responder), *speaking(session)]


def build(session: Session, responder: FrameProcessor) -> tuple[Pipeline, WireTransport]:
    """The pipeline of a conversation on the wire protocol. Arguments as `conversing`."""
    transport = listening(session, AgentSerializer)
    pipeline = Pipeline([transport.input(), *conversing(session, responder), transport.output()])
    return pipeline, transport


def understanding(session: Session, responder: FrameProcessor) -> list[FrameProcessor]:
    """From the caller's audio to the answer's text. Arguments as `conversing`."""
    prompt = session.settings.llm.system_prompt
    conversation = Conversation(session_id=session.id, system_prompt=prompt)
    return [*hearing(session), conversation, responder]


def speaking(session: Session) -> list[FrameProcessor]:
    """From the answer's text to its audio, and what of it was heard."""
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
