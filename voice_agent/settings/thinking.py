"""What the agent answers with."""

from pydantic import SecretStr

from voice_agent.settings.group import Group, Positive


class LlmSettings(Group):
    """The language model behind the agent: any OpenAI-compatible endpoint."""

    base_url: str = ""
    """Address of the endpoint, ending in /v1; empty uses the built-in responder."""
    api_key: SecretStr = SecretStr("")
    """Key for the endpoint, if it wants one."""
    model: str = ""
    """Model name the endpoint knows."""
    system_prompt: str = (
        "You are a helpful voice assistant on a phone line. Answer in one to three short "
        "spoken sentences, without lists, markup or emoji."
    )
    """What the model is told about its job."""
    timeout_s: Positive = 20.0
    """The first token must come within this."""
