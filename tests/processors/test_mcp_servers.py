"""Real MCP servers, in processes of their own, through Pipecat's client."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from processors.mcp_servers import McpServers
from processors.tools import Tool
from tests.processors.tool_params import used
from voice_agent.settings.llm import McpServer

STDIO = McpServer(command=sys.executable, args=["-m", "tests.scripted_mcp", "stdio"])


@contextmanager
def serving(port: int) -> Iterator[None]:
    """Over HTTP, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.scripted_mcp", "http", str(port)], stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@asynccontextmanager
async def connected(
    timeout_s: float = 10.0, **servers: McpServer
) -> AsyncGenerator[dict[str, Tool]]:
    """The tools, once there are any."""
    mcp = McpServers(servers, timeout_s=timeout_s)
    await mcp.open()
    try:
        async with asyncio.timeout(30):
            while not mcp.tools:  # noqa: ASYNC110  (nobody announces them)
                await asyncio.sleep(0.1)
        yield {tool.name: tool for tool in mcp.tools}
    finally:
        await mcp.close()


async def test_a_program_gives_tools() -> None:
    async with connected(shop=STDIO) as tools:
        assert set(tools) == {"opening_hours", "broken", "slow", "die"}
        schema = tools["opening_hours"].schema
        assert schema.description == "When the shop is open on a day of the week."
        assert schema.properties["day"]["type"] == "string"
        assert schema.required == ["day"]
        told = await used(tools["opening_hours"], '{"day": "Monday"}')
        assert told == "On Monday from nine to five."
        assert "Error executing tool broken" in await used(tools["broken"])


async def test_a_call_has_a_deadline_and_the_next_one_works() -> None:
    async with connected(shop=STDIO, timeout_s=1) as tools:
        assert "did not answer in time" in await used(tools["slow"])
        assert "Friday" in await used(tools["opening_hours"], '{"day": "Friday"}')


async def test_a_program_that_dies_is_started_again_by_the_call_after() -> None:
    async with connected(shop=STDIO) as tools:
        assert "Error" in await used(tools["die"])
        assert "Friday" in await used(tools["opening_hours"], '{"day": "Friday"}')


@pytest.mark.slow
async def test_a_server_that_is_late_or_dead_holds_up_nobody() -> None:
    port = free_port()
    late = McpServer(url=f"http://127.0.0.1:{port}/mcp")
    dead = McpServer(command="/nowhere/at/all")
    mcp = McpServers({"late": late, "dead": dead}, timeout_s=5)
    await mcp.open()
    try:
        assert mcp.tools == []
        with serving(port):
            async with asyncio.timeout(30):
                while not mcp.tools:  # noqa: ASYNC110  (nobody announces them)
                    await asyncio.sleep(0.1)
            tools = {tool.name: tool for tool in mcp.tools}
            assert "Sunday" in await used(tools["opening_hours"], '{"day": "Sunday"}')
    finally:
        await mcp.close()


@pytest.mark.parametrize("fields", [{}, {"command": "x", "url": "http://x"}])
def test_a_server_is_either_a_program_or_an_address(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="either a command or a url"):
        McpServer.model_validate(fields)
