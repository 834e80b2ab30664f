"""What the clients of services that hear have in common."""

from typing import Any, Generic, TypeVar

from voice_agent.client.connection import Connection, made
from voice_agent.wire.asr import Close, Config, Finalize
from voice_agent.wire.common import Ready, ServerMessage

S = TypeVar("S", bound=ServerMessage)


class HearingClient(Generic[S]):
    """What the clients of services that hear have in common: audio and its control go in."""

    def __init__(self, connection: Connection[S]) -> None:
        self._connection = connection

    @property
    def ready(self) -> Ready:
        """How the service introduced itself."""
        return self._connection.ready

    async def send(self, audio: bytes) -> None:
        """Sends audio; waits while the service is busy with what it has."""
        await self._connection.send(audio)

    async def configure(self, **values: Any) -> None:
        """Changes values from the next sample on; `configured` tells which are in force.

        Args:
            values: Fields of `voice_agent.wire.asr.Config`.

        Raises:
            BadMessage: A value that the wire does not allow; nothing was sent.
        """
        await self._connection.send(made(Config, {"type": "config", **values}))

    async def finalize(self) -> None:
        """Ends the turn now."""
        await self._connection.send(Finalize(type="finalize"))

    async def close(self) -> None:
        """Asks for what is due; the iteration ends after it."""
        await self._connection.send(Close(type="close"))
