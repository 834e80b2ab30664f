"""What the transport of a session offers to the server."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from voice_agent.errors import VoiceAgentError
from voice_agent.server.socket import ClientSocket
from voice_agent.wire.common import Ready, ServerMessage


@runtime_checkable
class Connection(Protocol):
    """What a session's transport offers to the server."""

    @property
    def silent_s(self) -> float:
        """Seconds since the client sent anything."""
        ...

    async def send(self, message: ServerMessage) -> None:
        """Writes a message."""
        ...

    async def close(self, code: int) -> None:
        """Ends the connection."""
        ...

    async def fail(self, error: VoiceAgentError) -> None:
        """Tells that the session broke, once, and ends it (1011); nothing is told after it."""
        ...


@runtime_checkable
class Resumable(Connection, Protocol):
    """A connection that can be lost and made again."""

    @property
    def away_s(self) -> float:
        """Seconds since it was lost; 0 if it was not."""
        ...

    @property
    def n_received(self) -> int:
        """Frames of the client that were taken."""
        ...

    async def resume(
        self, socket: ClientSocket, last_seq: int, ready: Callable[[int], Ready]
    ) -> None:
        """Goes on over another socket. Raises ResumeExpired, BadMessage."""
        ...
