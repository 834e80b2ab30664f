"""WebRTC peers, offered over HTTP, as Pipecat transports.

Takes an offer, gives the answer, and carries audio both ways. It does not yet know TURN
servers, trickled candidates (offers must be complete), data channels or video. Needs the
extra `webrtc`; without it every offer is refused.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any

from loguru import logger
from pipecat.transports.base_transport import BaseTransport, TransportParams

from voice_agent.errors import AtCapacity, BadMessage, Unsupported

RunPeer = Callable[[BaseTransport], Awaitable[None]]
"""Runs one peer's session until it leaves."""

_RETRY_AFTER_MS = 2000
_CLOSE_WITHIN_S = 5.0


class Peers:
    """The peers of a process. Use `lifespan` around all else.

    Args:
        sample_rate_hz: Of the audio in the pipeline, both ways.
    """

    def __init__(self, *, sample_rate_hz: int) -> None:
        self._params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=sample_rate_hz,
            audio_out_sample_rate=sample_rate_hz,
            audio_out_10ms_chunks=2,
        )
        self._sessions: dict[asyncio.Task[None], Any] = {}
        self._n_opening = 0
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def n_open(self) -> int:
        """Peers that hold a connection."""
        return len(self._sessions)

    @asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncGenerator[None]:
        """Owns the sessions; ends those that are left."""
        async with asyncio.TaskGroup() as self._tasks:
            yield
            left = list(self._sessions.items())
            await asyncio.gather(*(peer.disconnect() for _, peer in left), return_exceptions=True)
            if left:
                _, stuck = await asyncio.wait([task for task, _ in left], timeout=_CLOSE_WITHIN_S)
                for task in stuck:
                    task.cancel()

    async def answer(self, sdp: str, run: RunPeer, *, max_peers: int) -> dict[str, str]:
        """Answers an offer and starts the peer's session.

        Args:
            sdp: The offer, with its candidates.
            run: Runs the session.
            max_peers: More are refused.

        Returns:
            `sdp`, `type` and `pc_id` of the answer.

        Raises:
            Unsupported: The extra is not installed.
            AtCapacity: There are too many peers.
            BadMessage: It is no offer of audio.
        """
        if find_spec("aiortc") is None:
            raise Unsupported("this server has no WebRTC: install the extra webrtc")
        if self._tasks is None or self.n_open + self._n_opening >= max_peers:
            raise AtCapacity("all lines are busy, try again later", retry_after_ms=_RETRY_AFTER_MS)
        if "\nm=audio " not in sdp:
            raise BadMessage("sdp: this is no offer of audio")
        # only here: they need the extra
        from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
        from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport

        peer = SmallWebRTCConnection()
        self._n_opening += 1
        try:
            await peer.initialize(sdp=sdp, type="offer")
        except Exception as error:  # aiortc raises whatever its parser stumbles over
            await peer.disconnect()
            raise BadMessage("sdp: this is no offer of audio") from error
        finally:
            self._n_opening -= 1
        task = self._tasks.create_task(_until_gone(run, SmallWebRTCTransport(peer, self._params)))
        self._sessions[task] = peer
        task.add_done_callback(self._sessions.pop)
        answer = peer.get_answer() or {}  # there is one once it is initialized
        return {key: answer[key] for key in ("sdp", "type", "pc_id")}


async def _until_gone(run: RunPeer, transport: BaseTransport) -> None:
    try:
        await run(transport)
    except Exception:
        logger.exception("a peer's session failed")
