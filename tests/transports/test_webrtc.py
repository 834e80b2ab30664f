"""Peers: how many may there be."""

import asyncio

from aiortc import RTCPeerConnection

from transports.webrtc import Peers
from voice_agent.errors import AtCapacity


async def offer() -> str:
    """Of a browser that cannot be reached: nobody waits for its candidates."""
    peer = RTCPeerConnection()
    peer.addTransceiver("audio")
    await peer.setLocalDescription(await peer.createOffer())
    lines = peer.localDescription.sdp.splitlines()
    await peer.close()
    return "".join(f"{line}\r\n" for line in lines if not line.startswith("a=candidate"))


async def test_offers_at_the_same_moment_do_not_exceed_the_limit() -> None:
    peers, over = Peers(sample_rate_hz=16_000), asyncio.Event()

    async def run(_: object) -> None:
        await over.wait()

    offers = [await offer() for _ in range(4)]
    async with peers.lifespan(None):
        answers = (peers.answer(sdp, run, max_peers=2) for sdp in offers)
        told = await asyncio.gather(*answers, return_exceptions=True)
        assert [type(answer) for answer in told] == [dict, dict, AtCapacity, AtCapacity]
        assert peers.n_open == 2
        over.set()
