"""What answers: a language model, or the rules that stand in for it."""

from pipecat.processors.frame_processor import FrameProcessor

from processors.responder import Responder, by_rules
from voice_agent.engines.base import Engine, EngineInfo
from voice_agent.server.sessions import Session
from voice_agent.settings import Settings


def llm_backend(settings: Settings) -> Engine:
    """What answers in a process.

    Raises:
        SettingsError: It is half set, or one of its tools cannot be used.
    """
    if not settings.llm.base_url:
        return _Rules()
    # with the client it takes 0.7 s, at the start of each agent
    from processors.llm_backend import LLMBackend

    return LLMBackend(settings.llm, log_text=settings.privacy.log_text)


def responder(session: Session) -> FrameProcessor:
    """What answers in a session."""
    backend = session.engines.llm
    if isinstance(backend, _Rules):
        return Responder(by_rules)
    from processors.language_model import LanguageModel
    from processors.llm_backend import LLMBackend

    assert isinstance(backend, LLMBackend), "there is nothing else"
    return LanguageModel(backend)


class _Rules:
    """Nothing to load, nothing to end."""

    info = EngineInfo(
        name="rules",
        role="thinks",
        model="built in",
        why="no language model is set; simple rules answer",
        hint="VOICE_AGENT_LLM__BASE_URL=http://localhost:11434/v1 "
        "VOICE_AGENT_LLM__MODEL=NAME make run",
    )
    ready = True

    async def load(self) -> None:
        """They are built in."""

    async def warm_up(self) -> None:
        """They are fast."""

    async def close(self) -> None:
        """They hold nothing."""

    def forget(self, session_id: str) -> None:
        """They know nobody."""
