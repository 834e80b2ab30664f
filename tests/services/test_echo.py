"""Every transport without models: the wire, a telephone stream, a WebRTC peer."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from fractions import Fraction

import av
import httpx2
import numpy as np
import pytest
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCSessionDescription
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from tests.services.conftest import RunningService, running
from tests.services.conversing import conversing
from voice_agent.audio.g711 import mulaw_decode, mulaw_encode
from voice_agent.audio.pcm import int16_to_float

pytestmark = pytest.mark.e2e

TONE_HZ = 440
PACKET_S = 0.02


@pytest.fixture(scope="module")
def echo() -> Generator[RunningService]:
    with running("echo", SERVER__MAX_SESSIONS=3, TWILIO__INSECURE="true") as service:
        yield service


def tone(duration_s: float, rate_hz: int) -> NDArray[np.float32]:
    at_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * TONE_HZ * at_s)).astype(np.float32)


def pitch_hz(samples: NDArray[np.float32], rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * rate_hz / len(samples))


def test_no_engine_is_loaded(echo: RunningService) -> None:
    assert httpx2.get(f"{echo.http}/readyz").json()["ready"] is True
    assert httpx2.get(f"{echo.http}/v1/info").json()["engines"] == {}


async def test_the_wire_gives_back_what_comes_in(echo: RunningService) -> None:
    async with conversing(echo.ws) as caller:
        await caller.say("config", encoding="pcm_s16le", sample_rate=16_000)
        await caller.play(tone(2.0, 16_000))
        sent_s = time.monotonic()
        await caller.until_true(lambda: len(caller.of("audio_chunk")) >= 60)
        sound = caller.sound_of(0)
        first_s = caller.of("audio_chunk")[0].at_s
    assert pitch_hz(sound, 24_000) == pytest.approx(TONE_HZ, abs=2)
    assert np.abs(sound).max() == pytest.approx(0.5, abs=0.02)
    assert first_s < sent_s  # at once, and not when all is there


@asynccontextmanager
async def calling(echo: RunningService) -> AsyncGenerator[ClientConnection]:
    """A telephone call as far as its `start`."""
    url = echo.ws.removesuffix("/ws") + "/twilio/stream"
    async with connect(url, compression=None, close_timeout=1) as socket:
        await socket.send(json.dumps({"event": "connected", "protocol": "Call"}))
        start = {
            "accountSid": "AC0",
            "callSid": "CA0",
            "customParameters": {},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        }
        message = {"event": "start", "sequenceNumber": "1", "streamSid": "MZ0", "start": start}
        await socket.send(json.dumps(message))
        yield socket


def media(ulaw: bytes) -> str:
    payload = base64.b64encode(ulaw).decode()
    return json.dumps({"event": "media", "streamSid": "MZ0", "media": {"payload": payload}})


def ulaw_tone(duration_s: float) -> bytes:
    return bytes(mulaw_encode((tone(duration_s, 8000) * 32767).astype(np.int16)))


async def test_a_telephone_hears_itself(echo: RunningService) -> None:
    sent, came = [], []
    async with calling(echo) as socket:

        async def listen() -> bytes:
            heard = b""
            while len(heard) < 8000 * 1.5:
                message = json.loads(await socket.recv())
                assert message["streamSid"] == "MZ0"
                came.append(time.monotonic())
                heard += base64.b64decode(message["media"]["payload"])
            return heard

        listening = asyncio.create_task(listen())
        ulaw = ulaw_tone(2.0)
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        for first in range(0, len(ulaw), 160):
            sent.append(time.monotonic())
            await socket.send(media(ulaw[first : first + 160]))
            due_s += PACKET_S
            await asyncio.sleep(due_s - loop.time())
        async with asyncio.timeout(10):
            heard = await listening
    samples = int16_to_float(mulaw_decode(heard))
    assert pitch_hz(samples, 8000) == pytest.approx(TONE_HZ, abs=2)
    assert came[0] < sent[-1]


@pytest.mark.parametrize(
    "opening",
    ["not json", "[]", '{"event": "media"}', '{"event": "start", "streamSid": "MZ0", "start": 7}'],
)
async def test_what_is_no_call_is_closed(echo: RunningService, opening: str) -> None:
    async with connect(echo.ws.removesuffix("/ws") + "/twilio/stream") as socket:
        await socket.send(opening)
        async with asyncio.timeout(5):
            await socket.wait_closed()
        assert socket.close_code == 1008


async def test_bad_messages_do_not_end_a_call(echo: RunningService) -> None:
    async with calling(echo) as socket:
        for bad in ("{", "[1]", '{"event": "media", "media": {"payload": "%"}}', '{"event": []}'):
            await socket.send(bad)
        await socket.send('{"event": "media", "media": 7}')
        for _ in range(20):
            await socket.send(media(ulaw_tone(PACKET_S)))
        async with asyncio.timeout(5):
            assert json.loads(await socket.recv())["event"] == "media"


class _Tone(AudioStreamTrack):
    """Says one note, as aiortc's own track says silence."""

    async def recv(self) -> av.AudioFrame:
        frame = await super().recv()
        assert isinstance(frame, av.AudioFrame)
        rate_hz, n_samples = frame.sample_rate, frame.samples
        at_s = (np.arange(n_samples) + (frame.pts or 0)) / rate_hz
        pcm = (0.5 * 32767 * np.sin(2 * np.pi * TONE_HZ * at_s)).astype(np.int16)
        spoken = av.AudioFrame.from_ndarray(pcm[None], "s16", "mono")
        spoken.sample_rate, spoken.pts = rate_hz, frame.pts
        spoken.time_base = Fraction(1, rate_hz)
        return spoken


async def test_a_peer_hears_itself(echo: RunningService) -> None:
    peer = RTCPeerConnection()
    heard: asyncio.Queue[av.AudioFrame] = asyncio.Queue()

    async def listen(track: AudioStreamTrack) -> None:
        while True:
            await heard.put(await track.recv())  # pyright: ignore[reportArgumentType]

    listening: list[asyncio.Task[None]] = []
    peer.on("track", lambda track: listening.append(asyncio.create_task(listen(track))))
    peer.addTrack(_Tone())
    await peer.setLocalDescription(await peer.createOffer())
    offer = {"sdp": peer.localDescription.sdp, "type": "offer"}
    async with httpx2.AsyncClient() as client:
        answer = (await client.post(f"{echo.http}/api/offer", json=offer)).json()
    await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    try:
        async with asyncio.timeout(20):
            assert await pitch_of_peer(heard) == pytest.approx(TONE_HZ, abs=15)
    finally:
        await peer.close()
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


async def pitch_of_peer(heard: "asyncio.Queue[av.AudioFrame]") -> float:
    """The pitch of half a second, once it is loud."""
    pieces: list[NDArray[np.float32]] = []
    n_samples = rate_hz = 0
    while n_samples < rate_hz / 2 or not n_samples:
        frame = await heard.get()
        rate_hz = frame.sample_rate
        samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0] / 32768
        if pieces or np.abs(samples).max() > 0.2:
            pieces.append(samples.astype(np.float32))
            n_samples += len(samples)
    return pitch_hz(np.concatenate(pieces), rate_hz)


@pytest.mark.parametrize("offer", [{}, {"sdp": "nonsense", "type": "offer"}, {"sdp": 7}])
def test_what_is_no_offer_is_refused(echo: RunningService, offer: dict[str, object]) -> None:
    assert httpx2.post(f"{echo.http}/api/offer", json=offer).status_code in (400, 422)
