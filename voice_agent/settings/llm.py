"""What the agent answers with."""

from typing import Any

from pydantic import Field, SecretStr, model_validator

from voice_agent.settings.group import Group, Positive


class LlmEndpoint(Group):
    """Another endpoint, for when those before it do not answer."""

    base_url: str = Field(pattern=r"^https?://")
    """Address of the endpoint, ending in /v1."""
    api_key: SecretStr = SecretStr("")
    """Key for the endpoint, if it wants one."""
    model: str = ""
    """Model name the endpoint knows; empty: the same as `llm.model`."""


class McpServer(Group):
    """An MCP server: a program that is started, or an address."""

    command: str = ""
    """Program that speaks MCP on its standard input and output."""
    args: list[str] = Field(default_factory=list[str])
    """Arguments of the program."""
    env: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    """Environment of the program, besides what MCP passes on."""
    url: str = Field(default="", pattern=r"^(https?://.*)?$")
    """Address of a server that speaks MCP over streamable HTTP."""
    headers: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    """HTTP headers for the address, keys for example."""

    @model_validator(mode="after")
    def _check_one_way(self) -> "McpServer":
        if bool(self.command) == bool(self.url):
            raise ValueError("an MCP server has either a command or a url")
        return self


class LlmSettings(Group):
    """The language model behind the agent: any OpenAI-compatible endpoint."""

    base_url: str = ""
    """Address of the endpoint, ending in /v1; empty uses the built-in responder."""
    api_key: SecretStr = SecretStr("")
    """Key for the endpoint, if it wants one."""
    model: str = ""
    """Model name the endpoint knows."""
    fallbacks: list[LlmEndpoint] = Field(default_factory=list[LlmEndpoint])
    """Endpoints to ask, in this order, when the one before does not answer, as JSON: a list
    of objects with `base_url`, `api_key` and `model`."""
    system_prompt: str = (
        "You are a helpful voice assistant on a phone line. Answer in one to three short "
        "spoken sentences, without lists, markup or emoji."
    )
    """What the model is told about its job."""
    system_role: bool = True
    """Whether the model takes a system message. If not, as with Gemma, the first user message
    begins with it; it is also put there after the endpoint has refused it."""
    template_opens_thought: bool = False
    """The model's chat template begins a thought, so that answers have only its end
    (`</think>`): what comes before that is not spoken."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """How freely the model writes; unset leaves it to the endpoint."""
    max_tokens: int = Field(default=500, ge=0)
    """Longest answer, about two minutes of speech; 0 leaves it to the endpoint. Models that
    think before they answer need more."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More fields of each request, as JSON: {"reasoning_effort": "low"} for example."""
    timeout_s: Positive = 20.0
    """No text of an answer for this long, whatever was tried, and the agent apologises."""
    first_token_timeout_s: Positive = 5.0
    """An endpoint that is silent for this long is given up for the next one, if there is one."""
    filler_after_ms: int = Field(default=1200, ge=0)
    """When the caller has waited this long for text, or for a tool, `conversation.filler` is
    heard, once an answer; 0 for never."""
    tools: str = ""
    """Functions that the model may call: `package.module:NAME` or `file.py:NAME` of a list of
    them; see docs/language-model.md."""
    tool_timeout_s: Positive = 10.0
    """A tool, or a call to an MCP server, that takes longer has failed."""
    mcp_servers: dict[str, McpServer] = Field(default_factory=dict[str, McpServer])
    """MCP servers whose tools the model may call, as JSON: by name, `url` and `headers`, or
    `command`, `args` and `env`."""
    max_context_chars: int = Field(default=12_000, ge=1000)
    """A longer conversation is summarised by the model, beside it; 12,000 characters are
    about 3,000 tokens."""
    summary_timeout_s: Positive = 30.0
    """A summary that takes longer is given up, and the oldest turns are forgotten."""
