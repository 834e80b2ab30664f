"""What all sessions of a process think with: the model's endpoints, and its tools."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from importlib.util import find_spec
from typing import TYPE_CHECKING

from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pipecat.utils.http import connection_limits

from processors.tools import Tool, load_tools
from voice_agent.engines.base import EngineInfo
from voice_agent.errors import SettingsError
from voice_agent.llm.failover import FailOver
from voice_agent.llm.openai_endpoint import OpenAIEndpoint
from voice_agent.llm.request import Piece, Question
from voice_agent.settings import LlmSettings

if TYPE_CHECKING:
    from processors.mcp_servers import McpServers

# a connection that answered one question is there for the next
_KEEP_S = 120.0


class LLMBackend:
    """A language model, as an engine of the process.

    Args:
        llm: Its settings.
        log_text: Whether what tools say about their failures may be logged.

    Raises:
        SettingsError: They are half set, or a tool cannot be used.
    """

    def __init__(self, llm: LlmSettings, *, log_text: bool) -> None:
        if not llm.model:
            raise SettingsError("llm.base_url is set and llm.model is not; name the model")
        if llm.mcp_servers and find_spec("mcp") is None:
            raise SettingsError("llm.mcp_servers needs the package mcp: pip install '.[mcp]'")
        self.llm = llm
        self.log_text = log_text
        self._functions = load_tools(llm.tools, timeout_s=llm.tool_timeout_s) if llm.tools else []
        self._servers: McpServers | None = None
        self._endpoints: list[OpenAIEndpoint] = []
        self._asking: FailOver | None = None

    @property
    def info(self) -> EngineInfo:
        """The first endpoint, and what there is besides."""
        why = f"chosen in the settings: {self.llm.base_url}"
        if self.llm.fallbacks:
            why += f"; then {', '.join(other.base_url for other in self.llm.fallbacks)}"
        if self.tools:
            why += f"; tools: {', '.join(self.tools)}"
        return EngineInfo(
            name="openai-compatible",
            role="thinks",
            model=self.llm.model,
            device="remote",
            why=why,
        )

    @property
    def ready(self) -> bool:
        """Always: callers hear when no endpoint answers, and are better served than not."""
        return True

    @property
    def tools(self) -> dict[str, Tool]:
        """By name. MCP servers may add to them while the process runs."""
        found: dict[str, Tool] = {}
        for tool in [*self._functions, *(self._servers.tools if self._servers else [])]:
            found.setdefault(tool.name, tool)
        return found

    def add(self, tools: Iterable[Tool]) -> None:
        """Gives the model more tools than the settings name."""
        self._functions += tools

    async def load(self) -> None:
        """Prepares connections to the endpoints, and makes those to MCP servers."""
        endpoints = [(self.llm.base_url, self.llm.api_key, self.llm.model)]
        endpoints += [
            (o.base_url, o.api_key, o.model or self.llm.model) for o in self.llm.fallbacks
        ]
        self._endpoints = [
            OpenAIEndpoint(
                _client(url, key.get_secret_value()),
                model,
                template_opens_thought=self.llm.template_opens_thought,
            )
            for url, key, model in endpoints
        ]
        self._asking = FailOver(
            self._endpoints,
            timeout_s=self.llm.timeout_s,
            first_token_timeout_s=self.llm.first_token_timeout_s,
            system_role=self.llm.system_role,
        )
        if self.llm.mcp_servers:
            from processors.mcp_servers import McpServers

            timeout_s = self.llm.tool_timeout_s
            self._servers = McpServers(self.llm.mcp_servers, timeout_s=timeout_s)
            await self._servers.open()

    async def warm_up(self) -> None:
        """Nothing: a request nobody made may cost money, or load a model for long."""

    async def close(self) -> None:
        """Ends all connections."""
        if self._servers is not None:
            await self._servers.close()
        endpoints, self._endpoints = self._endpoints, []
        for endpoint in endpoints:
            await endpoint.close()

    def forget(self, session_id: str) -> None:
        """Nothing is kept of sessions."""

    async def write(self, question: Question) -> AsyncGenerator[Piece]:
        """An answer as it is written; see `FailOver.write`."""
        if self._asking is None:
            raise RuntimeError("the mind has not been loaded")
        async with aclosing(self._asking.write(question)) as pieces:
            async for piece in pieces:
                yield piece


def _client(base_url: str, api_key: str) -> AsyncOpenAI:
    return AsyncOpenAI(
        base_url=base_url,
        # an empty key would make the client look for one in the environment
        api_key=api_key or "none",
        max_retries=0,  # `FailOver` knows better when, and whom
        http_client=DefaultAsyncHttpxClient(limits=connection_limits(keepalive_expiry=_KEEP_S)),
    )
