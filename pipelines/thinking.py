"""What answers: a language model, or the rules that stand in for it."""

from pipecat.processors.frame_processor import FrameProcessor

from processors.language_model import LanguageModel
from processors.responder import Responder, by_rules
from voice_agent.engines.base import EngineInfo
from voice_agent.errors import SettingsError
from voice_agent.server.sessions import Session
from voice_agent.settings import LlmSettings


def thinks(llm: LlmSettings) -> EngineInfo:
    """What answers, and why.

    Raises:
        SettingsError: It is half set.
    """
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
