"""What answers: a language model, or the rules that stand in for it."""

from pipecat.processors.frame_processor import FrameProcessor

from processors.responder import Responder, by_rules
from voice_agent.engines.base import Engine, EngineInfo
from voice_agent.server.sessions import Session
from voice_agent.settings import Settings


def thinks(settings: Settings) -> Engine:
    """What answers in a process.

    Raises:
        SettingsError: It is half set, or one of its tools cannot be used.
    """
    if not settings.llm.base_url:
        return _Rules()
    from processors.mind import Mind  # with the client it takes 0.7 s, at the start of each agent

    return Mind(settings.llm, log_text=settings.privacy.log_text)


def thinking(session: Session) -> FrameProcessor:
    """What answers in a session."""
    mind = session.room.thinks
    if isinstance(mind, _Rules):
        return Responder(by_rules)
    from processors.language_model import LanguageModel
    from processors.mind import Mind

    assert isinstance(mind, Mind), "nothing else thinks"
    return LanguageModel(mind)


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
