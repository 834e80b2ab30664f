"""Tools of MCP servers: connected once a process, shared by its sessions."""

import asyncio
from collections.abc import Mapping

from loguru import logger
from mcp import StdioServerParameters
from mcp.client.session_group import StreamableHttpParameters
from pipecat.services.mcp_service import MCPClient

from processors.tools import Tool, tool_of
from voice_agent.settings.llm import McpServer

# Servers that are there are connected by then; a caller need not wait for the others.
_FIRST_S = 5.0
_CONNECT_TIMEOUT_S = 10.0
_AGAIN_AFTER_S = 1.0
_AGAIN_AT_MOST_EVERY_S = 60.0
_CLOSE_TIMEOUT_S = 5.0


class McpServers:
    """The MCP servers of a process.

    One that does not answer is tried again for as long as it takes; its tools are missing
    until then. A connection that breaks later is made anew by the call after.

    Args:
        servers: By name.
        timeout_s: For each call.
    """

    def __init__(self, servers: Mapping[str, McpServer], *, timeout_s: float) -> None:
        self._servers = servers
        self._timeout_s = timeout_s
        self._clients: list[MCPClient] = []
        self._found: dict[str, list[Tool]] = {}
        self._connecting: list[asyncio.Task[None]] = []

    @property
    def tools(self) -> list[Tool]:
        """Of the servers that are connected, in the order of the settings."""
        return [tool for name in self._servers for tool in self._found.get(name, [])]

    async def open(self) -> None:
        """Connects; servers that are late are waited for a little while."""
        for name, server in self._servers.items():
            self._connecting.append(asyncio.create_task(self._connect(name, server)))
        if self._connecting:
            await asyncio.wait(self._connecting, timeout=_FIRST_S)

    async def close(self) -> None:
        """Ends all connections, and the programs that were started."""
        connecting, self._connecting = self._connecting, []
        clients, self._clients = self._clients, []
        for task in connecting:
            task.cancel()
        await asyncio.gather(*connecting, return_exceptions=True)
        for client in clients:
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await client.close()
            except Exception as error:  # it is given up in any case
                logger.debug("an MCP server did not close in order: {!r}", error)
        self._found.clear()

    async def _connect(self, name: str, server: McpServer) -> None:
        client = MCPClient(_parameters(server))
        self._clients.append(client)
        pause_s = _AGAIN_AFTER_S
        while True:
            try:
                async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                    schemas = (await client.tools()).standard_tools
            except Exception as error:  # servers fail in many ways; the agent works without them
                logger.warning(
                    "the MCP server {} does not answer, its tools are missing: {}",
                    name,
                    type(error).__name__,
                )
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _AGAIN_AT_MOST_EVERY_S)
            else:
                self._found[name] = [tool_of(s, timeout_s=self._timeout_s) for s in schemas]
                logger.info("the MCP server {} has {} tools", name, len(schemas))
                return


def _parameters(server: McpServer) -> StdioServerParameters | StreamableHttpParameters:
    if server.url:
        headers = {name: value.get_secret_value() for name, value in server.headers.items()}
        return StreamableHttpParameters(url=server.url, headers=headers or None)
    env = {name: value.get_secret_value() for name, value in server.env.items()}
    return StdioServerParameters(command=server.command, args=server.args, env=env or None)
