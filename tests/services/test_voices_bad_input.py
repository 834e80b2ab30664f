"""Whatever a client sends as a voice: a clear error, within bounds, and nobody is disturbed."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path

import httpx2
import numpy as np
import psutil
import pytest

from tests.scripted_cloner import HZ, pitch_hz
from tests.services.cloning import Cloning, cloning, voices_of
from tests.services.listener import Listener, listening
from tests.voices.clips import encoded, flac_bomb, hum, voice, wav
from tests.voices.shelves import put
from voice_agent.voices.voice_store import VoiceStore

pytestmark = pytest.mark.e2e

TEXT = "This is long enough to be measured."


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cloning]:
    """One service that keeps one voice, `taken`, through all of this."""
    folder = tmp_path_factory.mktemp("cloning")
    put(VoiceStore(folder / "voices", 1), "taken", "taken")
    with cloning(folder / "voices", folder / "log") as running:
        yield running
        assert voices_of(running) == ["taken"]


@pytest.fixture
async def listener(service: Cloning) -> AsyncIterator[Listener]:
    """A session that must still speak after what was done to it."""
    async with listening(service) as session:
        yield session
        answer = await session.speak("All is well.")
        assert answer.chunks
        assert not answer.others


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


Maker = Callable[[], bytes]
CLIPS: dict[str, tuple[Maker, str, str]] = {
    "0.2 s": (lambda: wav(hum(220, 0.2)), "bad_audio", "0.2 s of sound"),
    "10 minutes": (lambda: encoded(hum(220, 600, 8000), "flac", 8000), "too_large", "60 s"),
    "silent": (lambda: wav(np.zeros(3 * HZ, np.float32)), "bad_audio", "silent"),
    "a text file": (lambda: b"There is no sound in here.\n" * 100, "bad_audio", "container"),
    "a FLAC bomb": (lambda: flac_bomb(3), "too_large", "60 s"),
    "a cut file": (lambda: voice()[:-1000], "bad_audio", "early"),
    "an AIFF": (lambda: b"FORM" + bytes(1000), "unsupported_format", "AIFF"),
    "random bytes": (lambda: np.random.default_rng(1).bytes(100_000), "bad_audio", ""),
    "over 10 MiB": (lambda: bytes((10 << 20) + 3), "too_large", "bytes"),
}


@pytest.mark.parametrize("name", CLIPS)
async def test_a_clip_that_cannot_be_used(listener: Listener, service: Cloning, name: str) -> None:
    make, code, words = CLIPS[name]
    clip = make()
    error = await listener.refusal(
        type="register_voice", voice_id="mine", reference_audio=base64_of(clip)
    )
    assert (error["code"], error["retryable"]) == (code, False)
    assert words in error["message"]
    by_http = httpx2.post(
        f"{service.http}/v1/voices?voice_id=mine",
        content=clip,
        headers={"Content-Type": "audio/wav"},
        timeout=20,
    )
    assert by_http.json()["error"]["code"] == code
    assert by_http.status_code in (400, 413, 415)


@pytest.mark.parametrize(
    "text", ["", "not base64", "ä" * 100, "AAA", "====", base64_of(voice())[:-1]]
)
async def test_base64_that_is_none(listener: Listener, text: str) -> None:
    error = await listener.refusal(type="register_voice", voice_id="mine", reference_audio=text)
    assert error["code"] == "bad_audio"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"voice_id": "../../etc/passwd"}, "bad_message"),
        ({"voice_id": ""}, "bad_message"),
        ({"voice_id": "a" * 65}, "bad_message"),
        ({"voice_id": "a/b"}, "bad_message"),
        ({"voice_id": "anna\n"}, "bad_message"),
        ({"voice_id": "ännä"}, "bad_message"),
        ({"voice_id": "en-us+f2"}, "bad_message"),
        ({"voice_id": 3}, "bad_message"),
        ({"voice_id": "default"}, "voice_exists"),
        ({"voice_id": "default", "replace": True}, "voice_exists"),
        ({"voice_id": "low"}, "voice_exists"),
        ({"voice_id": "taken"}, "voice_exists"),
        ({"name": "a" * 201}, "bad_message"),
        ({"replace": "yes"}, "bad_message"),
        ({"consent": "yes"}, "bad_message"),
        ({"consent": {"date": "today"}}, "bad_message"),
        ({"consent": {"details": {"a": 1}, "speaker": "A"}}, "bad_message"),
        ({"consent": {"speaker": "A", "details": {f"{n}": "" for n in range(33)}}}, "bad_message"),
        ({"unknown": 1}, "bad_message"),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_a_registration_that_is_refused_before_its_clip(
    listener: Listener, service: Cloning, fields: dict[str, object], code: str
) -> None:
    message = {"voice_id": "mine", "reference_audio": base64_of(voice()), **fields}
    error = await listener.refusal(type="register_voice", **message)
    assert error["code"] == code
    by_http = httpx2.post(f"{service.http}/v1/voices", json=message)
    assert by_http.json()["error"]["code"] == code


async def test_ids_that_no_voice_has(listener: Listener, service: Cloning) -> None:
    assert (await listener.refusal(type="delete_voice", voice_id="nobody"))[
        "code"
    ] == "voice_not_found"
    assert (await listener.refusal(type="delete_voice", voice_id="low"))["code"] == "unsupported"
    assert (await listener.refusal(type="delete_voice", voice_id="../x"))["code"] == "bad_message"
    for method in ("GET", "DELETE"):
        for path, status in (("..%2F..%2Fetc%2Fpasswd", 400), ("a%00b", 400), ("nobody", 404)):
            url = f"{service.http}/v1/voices/{path}"
            assert httpx2.request(method, url).status_code == status


async def test_clips_that_are_odd_and_good(service: Cloning) -> None:
    odd = {
        "stereo": wav(hum(220, 2, 96_000), 96_000, channels=2),
        "clipped": wav(np.clip(hum(220, 2, level=3), -1, 1)),
        "minute": voice(220, 60),
        "quiet": wav(hum(220, 2, level=0.005)),
    }
    async with listening(service) as listener:
        for voice_id, clip in odd.items():
            await listener.send(
                type="register_voice", voice_id=voice_id, reference_audio=base64_of(clip)
            )
            made = await listener.message()
            assert made["type"] == "voice_registered"
            assert made.get("notes") == (["clipped"] if voice_id == "clipped" else None)
            answer = await listener.speak(TEXT, voice_id=voice_id)
            assert pitch_hz(answer.samples, HZ) == pytest.approx(220, abs=1)
            await listener.send(type="delete_voice", voice_id=voice_id)
            await listener.message()


@pytest.mark.slow
async def test_a_third_registration_at_once_has_to_wait(tmp_path: Path) -> None:
    with cloning(tmp_path / "voices", tmp_path / "log", TTS__URL="1") as service:
        async with listening(service) as listener:
            for n in range(3):
                await listener.send(
                    type="register_voice", voice_id=f"v{n}", reference_audio=base64_of(voice())
                )
            codes = [(await listener.message()).get("code", "made") for _ in range(3)]
            assert codes == ["rate_limited", "made", "made"]


@pytest.mark.long
@pytest.mark.slow
async def test_the_257th_voice_is_refused(tmp_path: Path) -> None:
    shelf = VoiceStore(tmp_path / "voices", 256)
    for n in range(256):
        put(shelf, f"v{n}", f"{n}")
    with cloning(tmp_path / "voices", tmp_path / "log") as service:
        assert len(voices_of(service)) == 256
        async with listening(service) as listener:
            clip = base64_of(voice())
            error = await listener.refusal(
                type="register_voice", voice_id="one-more", reference_audio=clip
            )
            assert error["code"] == "too_large"
            assert "256 voices" in error["message"]
            await listener.send(type="delete_voice", voice_id="v7")
            await listener.message()
            await listener.send(type="register_voice", voice_id="one-more", reference_audio=clip)
            assert (await listener.message())["type"] == "voice_registered"


@pytest.mark.long
@pytest.mark.slow
async def test_bombs_neither_grow_the_service_nor_hold_up_others(service: Cloning) -> None:
    process = psutil.Process(service.process.pid)
    bombs = [
        base64_of(flac_bomb(3)),
        base64_of(CLIPS["10 minutes"][0]()),
        base64_of(bytes(10 << 20)),
    ]
    messages = [
        json.dumps({"type": "register_voice", "voice_id": "bomb", "reference_audio": bomb})
        for bomb in bombs
    ]

    async def throw() -> None:
        async with listening(service) as session:
            for message in messages * 3:
                await session.socket.send(message)
                assert (await session.message())["type"] == "error"

    async def speak() -> float:
        """The longest wait for a chunk."""
        async with listening(service) as session:
            await session.send(type="synthesize", text=TEXT * 60, chunk_size=10)
            longest_s, at_s = 0.0, time.monotonic()
            message = await session.message()
            while message["type"] == "audio_chunk":
                await session.chunk(message)
                longest_s, at_s = max(longest_s, time.monotonic() - at_s), time.monotonic()
                message = await session.message()
            return longest_s

    await throw()  # what is loaded once is loaded now
    before = process.memory_info().rss
    longest_s, *_ = await asyncio.gather(speak(), throw(), throw(), throw())
    grown = process.memory_info().rss - before
    # decoding a whole one takes minutes
    assert longest_s < 10
    # three sessions with 14 MiB of base64 each, in a few copies
    assert grown < 250 << 20
