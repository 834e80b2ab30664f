"""What a client may send that is wrong: it gets an error, and everybody goes on."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from tests.services.caller import Caller, call
from tests.services.conftest import RunningService
from tests.services.test_asr_formats import container, wav
from tests.speech import error_rate, pause, speech
from voice_agent.audio.pcm import float_to_int16

pytestmark = pytest.mark.e2e

_TEXT = "i would like to have some water please"
_WORDS = "i would like some water"
_PROOF = np.concatenate([pause(0.4), speech(_WORDS)])


@dataclass
class Two:
    """The session that misbehaves, and another one."""

    bad: Caller
    good: Caller

    async def prove(self) -> None:
        """Both still transcribe."""
        await self.bad.ask(
            "config", "configured", sample_rate=16_000, channels=1, encoding="pcm_s16le"
        )
        for text in await asyncio.gather(*(c.transcribe(_PROOF) for c in (self.bad, self.good))):
            assert error_rate(_WORDS, text) <= 0.5
        assert self.good.of("error") == []


@pytest.fixture
async def two(asr: RunningService) -> AsyncIterator[Two]:
    async with call(asr.ws) as bad, call(asr.ws) as good:
        yield Two(bad, good)


async def test_messages_that_are_none_are_refused_one_by_one(two: Two) -> None:
    wrong = [
        "this is not json",
        "",
        "[]",
        "17",
        "null",
        "{}",
        '{"type":"sing"}',
        '{"type":"config","sample_rate":"16000"}',
        '{"type":"config","words":"yes"}',
        '{"type":"config","colour":"red"}',
        '{"type":"finalize","now":true}',
        '{"type":7}',
        "[" * 50_000,
        "\u0000\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    ]
    for n, text in enumerate(wrong, 1):
        await two.bad.socket.send(text)
        error = await two.bad.until("error", n)
        assert (error["code"], error["retryable"]) == ("bad_message", False)
    await two.prove()
    assert len(two.bad.of("error")) == len(wrong)


@pytest.mark.parametrize("rate", [7, 0, 10**9])
async def test_an_impossible_sample_rate_changes_nothing(two: Two, rate: int) -> None:
    before = await two.bad.ask("config", "configured")
    error = await two.bad.ask("config", "error", sample_rate=rate)
    assert error["code"] == "bad_message"
    assert "sample_rate" in error["message"]
    after = await two.bad.ask("config", "configured")
    assert _values(after) == _values(before)
    await two.prove()


@pytest.mark.parametrize("wrong", [{"language": "xx"}, {"model": "huge"}])
async def test_what_is_not_loaded_changes_nothing(two: Two, wrong: dict[str, str]) -> None:
    before = await two.bad.ask("config", "configured")
    error = await two.bad.ask("config", "error", words=False, **wrong)
    assert error["code"] == "unsupported"
    assert _values(await two.bad.ask("config", "configured")) == _values(before)
    await two.prove()


def _values(configured: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in configured.items() if name != "seq"}


async def test_a_frame_over_the_limit_is_refused_and_the_session_goes_on(two: Two) -> None:
    await two.bad.socket.send(bytes(2 << 20))
    assert (await two.bad.until("error"))["code"] == "too_large"
    await two.bad.socket.send(json.dumps({"type": "ping", "id": "x" * (2 << 20)}))
    assert (await two.bad.until("error", 2))["code"] == "too_large"
    await two.prove()


async def test_a_frame_far_over_the_limit_harms_its_own_session_at_most(two: Two) -> None:
    with contextlib.suppress(ConnectionClosed):
        await two.bad.socket.send(bytes(20 << 20))
        await two.bad.socket.send('{"type":"close"}')
    assert await two.bad.ended() in (1000, 1009)
    assert [m["code"] for m in two.bad.of("error")] in ([], ["too_large"])
    assert error_rate(_WORDS, await two.good.transcribe(_PROOF)) <= 0.5


async def test_half_a_sample_is_bad_audio(two: Two) -> None:
    await two.bad.ask("config", "configured", encoding="pcm_s16le")
    await two.bad.socket.send(bytes(1001))
    assert (await two.bad.until("error"))["code"] == "bad_audio"
    await two.prove()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
async def test_floats_that_are_no_audio_are_bad_audio(two: Two, value: float) -> None:
    await two.bad.ask("config", "configured", encoding="pcm_f32le")
    frame = np.zeros(512, "<f4")
    frame[100] = value
    await two.bad.socket.send(frame.tobytes())
    assert (await two.bad.until("error"))["code"] == "bad_audio"
    await two.prove()


async def test_a_text_file_as_audio_is_refused(two: Two) -> None:
    text = "The quick brown fox jumps over the lazy dog.\n" * 200
    await two.bad.socket.send(text.encode())
    assert (await two.bad.until("error"))["code"] == "unsupported_format"
    await two.prove()


async def test_what_came_before_the_cut_of_an_ogg_is_transcribed(two: Two) -> None:
    ogg = container("ogg", "libopus", 48_000)
    await two.bad.stream(ogg[: len(ogg) - 400], frame_bytes=3000)
    await two.bad.say("close")
    assert await two.bad.ended() == 1000
    assert [m["code"] for m in two.bad.of("error")] == ["bad_audio"]
    # the cut page is lost, with up to a second of speech in it
    assert two.bad.text
    assert error_rate(_WORDS, await two.good.transcribe(_PROOF)) <= 0.5


async def test_an_mp3_named_wav_is_read_for_what_it_is(two: Two) -> None:
    # there are no names on the wire; the nearest to a wrong one is a wrong `encoding`
    await two.bad.ask("config", "configured", encoding="container")
    await two.bad.stream(container("mp3", "libmp3lame", 44_100))
    await two.bad.ask("config", "configured", encoding="pcm_s16le")
    await two.bad.finalize()
    assert error_rate(_TEXT, two.bad.text) <= 0.5
    await two.prove()


async def test_bytes_that_only_look_like_a_container_are_bad_audio(two: Two) -> None:
    noise = np.random.default_rng(3).integers(0, 256, 20_000, np.uint8).tobytes()
    for magic in (b"OggS", b"\x1a\x45\xdf\xa3", b"fLaC", wav(16_000, 1)[:40]):
        errors = len(two.bad.of("error"))
        await two.bad.ask("config", "configured", encoding="auto")
        await two.bad.socket.send(magic + noise)
        await two.bad.say("config", encoding="mulaw")
        if magic[:4] != b"RIFF":  # noise is fine as the samples of a WAV
            error = await two.bad.until("error", errors + 1)
            assert error["code"] in ("bad_audio", "unsupported_format")
    await two.prove()


async def test_audio_before_any_config_is_taken_as_16_khz(two: Two) -> None:
    await two.bad.socket.send(float_to_int16(_PROOF[: len(_PROOF) // 2]).tobytes())
    await two.bad.play(_PROOF[len(_PROOF) // 2 :])
    await two.bad.finalize()
    assert error_rate(_WORDS, two.bad.text) <= 0.5
    await two.prove()
