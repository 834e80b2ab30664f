"""The whole engine over a real CTranslate2 model."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engines.whisper.conftest import SCRIPT
from voice_agent.engines.base import (
    ASR_SAMPLE_RATE_HZ,
    Priority,
    RecognizeJob,
    Samples,
    Transcript,
)
from voice_agent.engines.whisper.engine import WhisperRecognizer
from voice_agent.errors import EngineTimeout, EngineUnavailable, Unsupported
from voice_agent.settings import WhisperSettings

_HZ = ASR_SAMPLE_RATE_HZ


def settings(**fields: Any) -> WhisperSettings:
    return WhisperSettings(device="cpu", threads=1, **fields)


@asynccontextmanager
async def opened(models: dict[str, Path], **fields: Any) -> AsyncIterator[WhisperRecognizer]:
    engine = WhisperRecognizer(models, settings(**fields))
    try:
        await engine.load()
        await engine.warm_up()
        yield engine
    finally:
        await engine.close()


@pytest.fixture
async def engine(speaking: Path) -> AsyncIterator[WhisperRecognizer]:
    async with opened({"speaking": speaking}) as engine:
        yield engine


def noise(seconds: float) -> Samples:
    return np.random.default_rng(0).normal(0, 0.1, round(seconds * _HZ)).astype(np.float32)


def job(seconds: float = 4.0, session_id: str = "a", **fields: Any) -> RecognizeJob:
    fields = {"turn_id": 1, "samples": noise(seconds), "timeout_s": 60.0} | fields
    return RecognizeJob(session_id=session_id, **fields)


def partial(seconds: float = 4.0, session_id: str = "a", **fields: Any) -> RecognizeJob:
    return job(seconds, session_id, priority=Priority.PARTIAL, **fields)


async def heard(engine: WhisperRecognizer, job: RecognizeJob) -> Transcript:
    transcript = await engine.transcribe(job)
    assert transcript is not None
    return transcript


def assert_in_order(transcript: Transcript, audio_s: float) -> None:
    times = [t for word in transcript.words for t in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert not times or 0 <= times[0] <= times[-1] <= audio_s


@pytest.mark.parametrize("ask", [job, partial])
@pytest.mark.parametrize("window", ["auto", "full", 8])
async def test_what_the_model_says_comes_through(
    speaking: Path, ask: Callable[..., RecognizeJob], window: str | float
) -> None:
    fields = {"partial_window": window, "final_window": window}
    async with opened({"speaking": speaking}, **fields) as engine:
        transcript = await heard(engine, ask())
    assert transcript.text == SCRIPT
    assert " ".join(word.word for word in transcript.words) == SCRIPT
    assert [word.word for word in transcript.words][:3] == ["It's", "3", "o'clock –"]
    assert_in_order(transcript, 4.0)
    assert transcript.language == "en"
    assert transcript.language_probability is None
    assert transcript.separator == " "
    assert transcript.confidence > 0.9
    assert all(0 <= word.confidence <= 1 for word in transcript.words)


async def test_it_says_what_it_is(engine: WhisperRecognizer) -> None:
    assert engine.ready
    assert engine.models == ("speaking",)
    assert not engine.degraded
    info = engine.info
    assert (info.name, info.model, info.device) == ("whisper", "speaking", "cpu")
    assert info.precision.startswith("int8")
    assert info.languages[0] == "en"
    assert "de" in engine.languages("speaking")
    assert engine.languages("other") == ()


async def test_many_sessions_at_once_all_get_theirs(engine: WhisperRecognizer) -> None:
    lengths = [0.5 + 0.2 * n for n in range(16)]
    found = await asyncio.gather(
        *(engine.transcribe(job(s, f"session {s}")) for s in lengths),
        *(engine.transcribe(partial(s, f"session {s}")) for s in lengths),
    )
    finals = found[: len(lengths)]
    assert [final.text if final else None for final in finals] == [SCRIPT] * len(lengths)
    for seconds, final in zip(lengths, finals, strict=True):
        assert final is not None
        assert_in_order(final, seconds)


async def test_a_session_picks_among_the_loaded_models(speaking: Path, english: Path) -> None:
    async with opened({"speaking": speaking, "english": english}) as engine:
        assert engine.models == ("speaking", "english")
        assert engine.languages("english") == ("en",)
        first, second, third = await asyncio.gather(
            heard(engine, job()),
            heard(engine, job(model="english", session_id="b")),
            heard(engine, job(model="speaking", session_id="c")),
        )
        assert (first.text, second.text, third.text) == (SCRIPT, "good morning", SCRIPT)
        with pytest.raises(Unsupported, match="english does not understand the language de"):
            await engine.transcribe(job(model="english", language="de"))
        alone = await heard(engine, job(model="english", language="auto"))
        assert (alone.text, alone.language) == ("good morning", "en")


async def test_what_is_not_loaded_or_not_understood_is_unsupported(
    engine: WhisperRecognizer,
) -> None:
    with pytest.raises(Unsupported, match="model large is not loaded; loaded: speaking"):
        await engine.transcribe(job(model="large"))
    with pytest.raises(Unsupported, match="does not understand the language tlh"):
        await engine.transcribe(partial(language="tlh"))


async def test_the_language_is_detected_and_said_how_surely(engine: WhisperRecognizer) -> None:
    transcript = await heard(engine, job(language="auto"))
    assert transcript.language == "en"
    assert transcript.language_probability is not None
    assert 0.9 < transcript.language_probability <= 1


async def test_languages_share_a_batch(engine: WhisperRecognizer) -> None:
    languages = ("de", "zh", "auto", "en", "ja")
    found = await asyncio.gather(
        *(heard(engine, job(language=code, session_id=code)) for code in languages)
    )
    assert [transcript.text for transcript in found] == [SCRIPT] * 5
    assert [transcript.language for transcript in found] == ["de", "zh", "en", "en", "ja"]
    assert [transcript.separator for transcript in found] == [" ", "", " ", " ", ""]
    for transcript in (found[0], found[2], found[3]):
        assert " ".join(word.word for word in transcript.words) == SCRIPT


@pytest.mark.parametrize("seconds", [0, 1 / _HZ, 0.01, 0.05, 0.3])
@pytest.mark.parametrize("ask", [job, partial])
async def test_very_short_audio_is_graceful(
    engine: WhisperRecognizer, seconds: float, ask: Callable[..., RecognizeJob]
) -> None:
    transcript = await engine.transcribe(ask(seconds))
    if transcript is not None:
        assert_in_order(transcript, seconds)


@pytest.mark.parametrize("value", [0.0, 1e-30, 1.0, np.nan])
async def test_strange_samples_are_graceful(engine: WhisperRecognizer, value: float) -> None:
    transcript = await heard(engine, job(samples=np.full(2 * _HZ, value, np.float32)))
    assert_in_order(transcript, 2.0)
    assert engine.ready


async def test_ten_minutes_in_one_job_are_heard_piece_by_piece(engine: WhisperRecognizer) -> None:
    transcript = await heard(engine, job(600))
    pieces = transcript.text.count(SCRIPT)
    assert 600 / 29 <= pieces <= 600 / 20 + 1
    assert transcript.text == " ".join([SCRIPT] * pieces)
    assert_in_order(transcript, 600)
    assert transcript.words[-1].start_s > 550


async def test_long_audio_does_not_keep_the_others_waiting(engine: WhisperRecognizer) -> None:
    long = asyncio.create_task(engine.transcribe(job(80, "long")))
    await asyncio.sleep(0)
    for n in range(3):
        assert (await heard(engine, job(1, f"short {n}"))).text == SCRIPT
    assert not long.done()
    assert await long is not None


async def test_a_long_partial_leaves_out_what_is_settled(engine: WhisperRecognizer) -> None:
    transcript = await heard(engine, partial(20, settled_s=14.0))
    assert transcript.text == SCRIPT
    assert transcript.words[0].start_s >= 14
    assert_in_order(transcript, 20)
    transcript = await heard(engine, partial(20, settled_s=19.0))
    assert transcript.words[0].start_s >= 16
    transcript = await heard(engine, partial(10, settled_s=9.0))
    assert_in_order(transcript, 10)


async def test_a_language_detected_in_partials_is_kept_for_the_turn(
    engine: WhisperRecognizer,
) -> None:
    await heard(engine, partial(3, language="auto"))
    final = await heard(engine, job(4, language="auto"))
    assert final.language == "en"
    assert final.language_probability is not None
    engine.release("a", 1)
    engine.release("a", 1)
    assert (await heard(engine, job(4, turn_id=2, language="de"))).language_probability is None


async def test_a_partial_longer_than_a_window_is_graceful(engine: WhisperRecognizer) -> None:
    transcript = await engine.transcribe(partial(40))
    if transcript is not None:
        assert_in_order(transcript, 40)
    assert engine.ready


async def test_a_prompt_of_ten_thousand_characters_is_cut(engine: WhisperRecognizer) -> None:
    long = "open the window " * 625
    found = await asyncio.gather(
        heard(engine, job(prompt=long)),
        heard(engine, job(session_id="b", hotwords=tuple(["window"] * 500))),
        heard(engine, job(29, session_id="c", prompt=long, hotwords=("clock",))),
    )
    assert all(transcript is not None for transcript in found)
    assert engine.ready
    assert (await heard(engine, job())).text == SCRIPT


async def test_a_job_past_its_deadline_times_out(engine: WhisperRecognizer) -> None:
    with pytest.raises(EngineTimeout):
        await engine.transcribe(job(timeout_s=0.0001))
    assert (await heard(engine, job())).text == SCRIPT


async def test_after_close_and_before_load_it_is_unavailable(speaking: Path) -> None:
    engine = WhisperRecognizer({"speaking": speaking}, settings())
    assert not engine.ready
    assert engine.info.model == "speaking"
    with pytest.raises(EngineUnavailable):
        await engine.transcribe(job())
    await engine.load()
    await engine.warm_up()
    waiting = [asyncio.create_task(engine.transcribe(job(29, f"s{n}"))) for n in range(30)]
    await asyncio.sleep(0)
    await engine.close()
    await engine.close()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, EngineUnavailable) for one in found)
    assert not engine.ready
    with pytest.raises(EngineUnavailable, match="whisper is not running"):
        await engine.transcribe(job())


async def test_forgetting_a_session_answers_what_waits(engine: WhisperRecognizer) -> None:
    running = [asyncio.create_task(engine.transcribe(job(1, f"s{n}"))) for n in range(8)]
    gone = asyncio.create_task(engine.transcribe(job(1, "gone")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    engine.forget("gone")
    assert await gone is None
    assert all(await asyncio.gather(*running))


@pytest.fixture
def broken(speaking: Path, tmp_path: Path) -> Path:
    """A copy of the model, to be damaged."""
    return Path(shutil.copytree(speaking, tmp_path / "broken"))


def truncate(folder: Path) -> None:
    whole = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(whole[: len(whole) // 2])


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


_DAMAGES: dict[str, Callable[[Path], object]] = {
    "half a model.bin": truncate,
    "an empty model.bin": write("model.bin", b""),
    "garbage as model.bin": write("model.bin", bytes(range(256)) * 40),
    "no model.bin": remove("model.bin"),
    "no tokenizer.json": remove("tokenizer.json"),
    "garbage as tokenizer.json": write("tokenizer.json", b"\xff\x00{"),
    "an empty object as tokenizer.json": write("tokenizer.json", b"{}"),
    "an empty config.json": write("config.json", b""),
    "garbage as config.json": write("config.json", b"\xff\x00{"),
    "no config.json": remove("config.json"),
    "garbage as vocabulary.json": write("vocabulary.json", b"\xff\x00{"),
    "an empty vocabulary.json": write("vocabulary.json", b""),
    "an empty list as vocabulary.json": write("vocabulary.json", b"[]"),
    "no vocabulary.json": remove("vocabulary.json"),
    "other mels in preprocessor_config.json": write(
        "preprocessor_config.json", b'{"feature_size": 128}'
    ),
}


@pytest.mark.parametrize("damage", _DAMAGES.values(), ids=_DAMAGES)
async def test_a_damaged_model_is_one_clear_sentence(
    broken: Path, damage: Callable[[Path], object]
) -> None:
    damage(broken)
    with pytest.raises(EngineUnavailable) as refused:
        async with opened({"broken": broken}):
            pass
    message = refused.value.message
    assert str(broken) in message or message.startswith("whisper failed: ")
    assert "\n" not in message
    assert "Traceback" not in message


async def test_the_tokenizer_of_another_model_is_refused(broken: Path, english: Path) -> None:
    shutil.copy(english / "tokenizer.json", broken / "tokenizer.json")
    with pytest.raises(EngineUnavailable, match="belongs to another model"):
        async with opened({"broken": broken}):
            pass


async def test_a_folder_without_a_tokenizer_says_what_is_missing(broken: Path) -> None:
    (broken / "tokenizer.json").unlink()
    with pytest.raises(EngineUnavailable, match=r"holds no Whisper model: tokenizer\.json"):
        async with opened({"broken": broken}):
            pass
