"""An MCP server with scripted tools: ``python -m tests.scripted_mcp stdio``, or ``http PORT``."""

import asyncio
import os
import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("scripted")


@server.tool()
def opening_hours(day: str) -> str:
    """When the shop is open on a day of the week."""
    return f"On {day} from nine to five."


@server.tool()
def broken() -> str:
    """Fails."""
    raise ValueError("the shelf is empty")


@server.tool()
async def slow() -> str:
    """Takes a minute."""
    await asyncio.sleep(60)
    return "at last"


@server.tool()
def die() -> str:
    """Ends the server."""
    os._exit(1)


if __name__ == "__main__":
    way, *port = sys.argv[1:]
    if way == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(port[0]))
