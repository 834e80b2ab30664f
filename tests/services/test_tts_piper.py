"""The TTS service with the real neural voice, over its sockets."""

import asyncio
import itertools
from collections.abc import Generator

import httpx2
import numpy as np
import pytest

from tests import real_models
from tests.services.conftest import RunningService, running
from tests.services.listener import Listener, listening

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("piper service")]

RATE_HZ = 24_000
TEXT = "Hello there, how are you? It goes on here; yes! And this is the end of it."
LONG = ("The quick brown fox jumps over the lazy dog, and then it sleeps. " * 77)[:5000]


@pytest.fixture(scope="module")
def tts() -> Generator[RunningService]:
    """One service for all."""
    with running("tts", TTS__ENGINE="piper", TTS__MODEL=real_models.joe()) as service:
        yield service


async def test_it_says_who_speaks_and_under_which_licence(tts: RunningService) -> None:
    async with httpx2.AsyncClient(base_url=tts.http) as client:
        info = (await client.get("/v1/info")).json()
        voices = (await client.get("/v1/voices")).json()["voices"]
        joe = (await client.get("/v1/voices/en_US-joe-medium")).json()
        missing = await client.get("/v1/voices/en_US-nobody-medium")
    speaks = info["engines"]["speaks"]
    assert (speaks["name"], speaks["model"]) == ("piper", "en_US-joe-medium")
    assert voices[0]["voice_id"] == "default"
    assert voices[0]["language"] == joe["language"] == "en-US"
    assert "licence for research" in joe["licence"]
    assert "licence" not in next(v for v in voices if v["voice_id"] == "de")
    assert missing.status_code == 404


async def test_chunks_cover_the_text_and_their_durations_add_up(tts: RunningService) -> None:
    async with listening(tts) as listener:
        answer = await listener.speak(TEXT, seed=1, chunk_size=10)
        named = await listener.speak(TEXT, seed=1, chunk_size=10, voice_id="en_US-joe-medium")
    messages = [message for message, _ in answer.chunks]
    assert messages[0]["text_start"] == 0
    assert messages[-1]["text_end"] == len(TEXT)
    for before, after in itertools.pairwise(messages):
        assert before["text_start"] <= after["text_start"] <= before["text_end"] + 1
    assert answer.total_ms == pytest.approx(1000 * len(answer.samples) / RATE_HZ, abs=0.1)
    assert answer.data == named.data


async def test_text_that_is_being_written_sounds_like_text_that_is_all_there(
    tts: RunningService,
) -> None:
    async with listening(tts) as listener:
        for at in range(0, len(TEXT), 7):
            delta = TEXT[at : at + 7]
            await listener.send(type="text", request_id="a", delta=delta, seed=1)
        await listener.send(type="flush", request_id="a")
        written = await listener.answer()
        whole = await listener.speak(TEXT, seed=1)
    assert written.complete["cancelled"] is False
    assert written.chunks[-1][0]["text_end"] == len(TEXT)
    # the noise differs, as the parts are jobs of their own; what is said does not
    assert written.total_ms == pytest.approx(whole.total_ms, rel=0.2)


async def test_sixteen_who_speak_at_once_each_sound_as_alone(tts: RunningService) -> None:
    async def one(number: int) -> bytes:
        async with listening(tts) as listener:
            answer = await listener.speak(TEXT, seed=number)
            assert not answer.others
            return answer.data

    together = await asyncio.gather(*(one(number) for number in range(16)))
    assert len(set(together)) == 16
    for number in (0, 7, 15):
        assert await one(number) == together[number]


async def test_a_cancelled_text_stops_and_the_next_one_is_spoken(tts: RunningService) -> None:
    async with listening(tts) as listener:
        await listener.send(type="synthesize", request_id="long", text=LONG)
        await listener.first_chunk()
        await listener.send(type="cancel", request_id="long")
        answer = await listener.answer()
        assert answer.complete["cancelled"] is True
        after = await listener.speak("Yes.")
    assert after.complete["cancelled"] is False
    assert after.chunks


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a", {}),
        ("你好世界", {}),
        ("Say 你好 and привет, please.", {}),
        ("Guten Tag", {"language": "de-DE"}),
        ("Hello there.", {"voice_id": "en-gb+f2"}),
        ("x" * 300, {}),
        ("1234567890 " * 20, {"speed": 2}),
        ("ᚠᚢᚦ 𝕳𝖊𝖑𝖑𝖔 ok", {}),  # noqa: RUF001 (letters that few voices know)
    ],
)
async def test_odd_text_is_spoken_to_its_end(
    tts: RunningService, text: str, options: dict[str, object]
) -> None:
    async with listening(tts) as listener:
        answer = await listener.speak(text, **options)
    assert not answer.others
    assert len(text.rstrip()) <= answer.chunks[-1][0]["text_end"] <= len(text)
    assert np.abs(answer.samples).max() > 0.05
    assert len(answer.samples) > 0.2 * RATE_HZ


async def test_what_cannot_be_spoken_is_refused_and_the_session_goes_on(
    tts: RunningService,
) -> None:
    refused: list[tuple[dict[str, object], str]] = [
        ({"text": "Hello", "language": "tlh"}, "unsupported"),
        ({"text": "Hello", "voice_id": "nobody"}, "voice_not_found"),
        ({"text": "Hello", "voice_id": "en_US-joe-medium+3"}, "voice_not_found"),
        ({"text": ""}, "bad_message"),
        ({"text": "... !? 😀"}, "bad_message"),
        ({"text": LONG + "."}, "text_too_long"),
    ]
    async with listening(tts) as listener:
        for message, code in refused:
            assert (await _refusal(listener, message))["code"] == code, message
        assert (await listener.speak("Hello.")).chunks


async def _refusal(listener: Listener, message: dict[str, object]) -> dict[str, object]:
    return await listener.refusal(type="synthesize", **message)


def test_a_folder_that_is_no_voice_ends_the_start_with_a_reason(tmp_path: object) -> None:
    with (
        pytest.raises(RuntimeError, match="cannot run here"),
        running("tts", TTS__ENGINE="piper", TTS__MODEL=tmp_path),
    ):
        pass
