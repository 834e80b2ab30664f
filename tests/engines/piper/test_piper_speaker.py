"""The engine with the real voice, espeak-ng's process, and its threads."""

import asyncio
import gc
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
import pytest_asyncio

from tests.engines.piper.say import job
from tests.engines.piper.several_speakers import make_voice
from voice_agent.engines.base import ClonedVoice, Priority, Samples, SpeakJob, SpokenChunk
from voice_agent.engines.espeak.speaker import EspeakSpeaker
from voice_agent.engines.piper.config import VoiceConfig, read_voice
from voice_agent.engines.piper.rendering import Rendering
from voice_agent.engines.piper.speaker import PiperSpeaker
from voice_agent.errors import EngineTimeout, EngineUnavailable, Unsupported, VoiceNotFound
from voice_agent.settings import PiperSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE_HZ = 22_050
LONG = ("The quick brown fox jumps over the lazy dog, and then it sleeps. " * 77)[:5000]
HELLO = "Hello there, how can I help you today?"


async def chunks_of(speaker: PiperSpeaker, wanted: SpeakJob) -> list[SpokenChunk]:
    return [chunk async for chunk in speaker.speak(wanted)]


async def spoken(speaker: PiperSpeaker, wanted: SpeakJob) -> Samples:
    return np.concatenate([chunk.samples for chunk in await chunks_of(speaker, wanted)])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def espeak() -> AsyncIterator[EspeakSpeaker]:
    """espeak-ng by itself, to compare with."""
    engine = EspeakSpeaker()
    await engine.load()
    yield engine
    await engine.close()


async def by_espeak(espeak: EspeakSpeaker, text: str, language: str) -> Samples:
    wanted = SpeakJob(session_id="alone", text=text, language=language)
    return np.concatenate([chunk.samples async for chunk in espeak.speak(wanted)])


async def test_it_says_what_it_is(speaker: PiperSpeaker) -> None:
    info = speaker.info
    assert (info.name, info.role, info.model) == ("piper", "speaks", "en_US-joe-medium")
    assert (info.sample_rate_hz, info.capacity) == (RATE_HZ, 2)
    assert info.languages[0] == "en-US"
    assert {"de", "cmn"} <= set(info.languages)
    assert speaker.ready
    first, second, *others = speaker.voices
    assert (first.voice_id, second.voice_id) == ("default", "en_US-joe-medium")
    assert "licence for research" in first.licence
    assert "en-us+f2" in {voice.voice_id for voice in others}


async def test_speech_is_audible_and_within_full_scale(speaker: PiperSpeaker) -> None:
    samples = await spoken(speaker, job(HELLO))
    assert samples.dtype == np.float32
    assert 1.5 < len(samples) / RATE_HZ < 4
    assert 0.2 < np.abs(samples).max() <= 1


async def test_a_seed_makes_it_repeatable_whoever_speaks_besides(speaker: PiperSpeaker) -> None:
    alone = await spoken(speaker, job(HELLO))
    together = await asyncio.gather(
        *(spoken(speaker, job(HELLO, f"s{n}", seed=1 + n % 2)) for n in range(6))
    )
    for number, samples in enumerate(together):
        assert np.array_equal(samples, alone) is (number % 2 == 0)
    one, other = [await spoken(speaker, job(HELLO, seed=None)) for _ in range(2)]
    assert not np.array_equal(one, other)


async def test_speed_changes_how_long_it_takes(speaker: PiperSpeaker) -> None:
    speeds = (0.25, 0.33, 0.7, None, 1.0, 2.0, 2.5, 4.0)
    seconds = [len(await spoken(speaker, job(HELLO, speed=speed))) for speed in speeds]
    assert seconds[0] == seconds[1] > seconds[2] > seconds[3] == seconds[4]
    assert seconds[4] > seconds[5] > seconds[6] == seconds[7]


@pytest.mark.parametrize(
    "text",
    [
        "Hello world, this is a Größe test. It goes on: yes! 123 dollars.",
        "Hello 😀 there, e\u0301lan. 日本語です。 Ok?",
        "It costs $3.50, or 5%. Dr. Smith said so…",
        "a\nb\n\nc \t d",
        "  – Wait – what?  ",
        LONG[:400],
    ],
)
async def test_text_positions_go_forward_through_the_whole_text(
    speaker: PiperSpeaker, text: str
) -> None:
    chunks = await chunks_of(speaker, job(text))
    assert not text[: chunks[0].text_start].strip()
    assert chunks[-1].text_end == len(text.rstrip())
    for before, after in pairwise(chunks):
        assert before.text_start <= after.text_start
        assert before.text_end <= after.text_end
    for chunk in chunks:
        assert len(chunk.samples)
        assert 0 <= chunk.text_start <= chunk.text_end <= len(text)


async def test_words_are_heard_when_it_says_so(speaker: PiperSpeaker) -> None:
    """Between words with pauses there is silence where the spans say so, and nowhere else."""
    text = "One, two, three. Seven; eleven! Stop?"
    for seed in range(4):
        loud, silent = list[float](), list[float]()
        for chunk in await chunks_of(speaker, job(text, seed=seed)):
            level = float(np.sqrt(np.mean(np.square(chunk.samples))))
            if chunk.text_start < chunk.text_end:
                loud.append(level)
            elif len(chunk.samples) > 0.1 * RATE_HZ:
                # phonemes fade into a pause and out of it
                edge = len(chunk.samples) // 4
                silent.append(float(np.sqrt(np.mean(np.square(chunk.samples[edge:-edge])))))
        assert len(silent) >= 3
        assert max(silent) < 0.25 * float(np.median(loud))


async def test_the_first_word_begins_with_the_sound(speaker: PiperSpeaker) -> None:
    late_s = list[float]()
    for seed, text in enumerate(("Tuesday is fine.", "Boats float.", "Good morning.", "Take it.")):
        at = 0
        chunks = await chunks_of(speaker, job(text, seed=seed))
        for chunk in chunks:
            if chunk.text_start < chunk.text_end:
                break
            at += len(chunk.samples)
        samples = np.concatenate([chunk.samples for chunk in chunks])
        block = RATE_HZ // 200
        level = np.abs(samples[: len(samples) // block * block]).reshape(-1, block).max(axis=1)
        sound = float(np.flatnonzero(level > 0.05 * level.max())[0] * block)
        late_s.append((at - sound) / RATE_HZ)
    assert abs(float(np.median(late_s))) < 0.06


async def test_five_thousand_characters_are_spoken_to_the_end(speaker: PiperSpeaker) -> None:
    seen, n_samples = 0, 0
    async for chunk in speaker.speak(job(LONG, speed=2.5)):
        assert chunk.text_end >= seen
        seen, n_samples = chunk.text_end, n_samples + len(chunk.samples)
    assert seen == len(LONG.rstrip())
    assert n_samples > 60 * RATE_HZ


@pytest.mark.parametrize("text", ["a", "I", "7", "Z.", "é", "x?"])
async def test_one_letter_is_a_word(speaker: PiperSpeaker, text: str) -> None:
    chunks = await chunks_of(speaker, job(text))
    samples = np.concatenate([chunk.samples for chunk in chunks])
    assert 0.2 < len(samples) / RATE_HZ < 2
    assert np.abs(samples).max() > 0.05
    assert {(c.text_start, c.text_end) for c in chunks if c.text_start < c.text_end} == {
        (0, len(text))
    }


async def test_chinese_in_an_english_voice_is_spoken_by_espeak(
    speaker: PiperSpeaker, espeak: EspeakSpeaker
) -> None:
    text = "Please say 你好世界 now."
    chunks = await chunks_of(speaker, job(text))
    at, until = text.index("你"), text.index("now")
    chinese = [c for c in chunks if at <= c.text_start < until]
    expected = await by_espeak(espeak, text[at:until], "cmn")
    assert np.array_equal(np.concatenate([c.samples for c in chinese]), expected)
    english = np.concatenate([c.samples for c in chunks if c.text_end <= at])
    assert len(english) > 0.4 * RATE_HZ


async def test_another_language_is_spoken_by_espeak(
    speaker: PiperSpeaker, espeak: EspeakSpeaker
) -> None:
    german = await spoken(speaker, job("Guten Tag, wie geht es?", language="de-DE"))
    assert np.array_equal(german, await by_espeak(espeak, "Guten Tag, wie geht es?", "de"))
    own = await spoken(speaker, job(HELLO, language="en-GB"))
    assert np.array_equal(own, await spoken(speaker, job(HELLO)))
    by_name = await spoken(speaker, job("Guten Tag.", voice_id="en_US-joe-medium", language="de"))
    assert np.array_equal(by_name, await by_espeak(espeak, "Guten Tag.", "de"))


async def test_an_unknown_language_or_voice_is_refused(speaker: PiperSpeaker) -> None:
    for language in ("tlh", "xx-YY", "e"):
        with pytest.raises(Unsupported):
            speaker.check_voice("default", language)
        with pytest.raises(Unsupported):
            await chunks_of(speaker, job("Hello", language=language))
    for voice_id in ("nobody", "en_US-joe-medium+3", "default+f2", "en-us+nobody"):
        with pytest.raises(VoiceNotFound):
            speaker.check_voice(voice_id, None)
        with pytest.raises(VoiceNotFound):
            await chunks_of(speaker, job("Hello", voice_id=voice_id))


async def test_espeaks_voices_can_be_asked_for(
    speaker: PiperSpeaker, espeak: EspeakSpeaker
) -> None:
    wanted = job("Hello there.", voice_id="en-gb+f2")
    speaker.check_voice("en-gb+f2", None)
    expected = np.concatenate([chunk.samples async for chunk in espeak.speak(wanted)])
    assert np.array_equal(await spoken(speaker, wanted), expected)


async def test_a_clause_that_the_model_fails_at_is_spoken_by_espeak(
    speaker: PiperSpeaker, espeak: EspeakSpeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Rendering.step

    def fails_at_the_second(self: Rendering) -> object:
        if self._work.text.startswith("Second"):
            raise RuntimeError("out of memory")
        return step(self)

    monkeypatch.setattr(Rendering, "step", fails_at_the_second)
    text = "First one. Second one. Third one."
    chunks = await chunks_of(speaker, job(text))
    monkeypatch.undo()
    at, until = text.index("Second"), text.index("Third")
    second = np.concatenate([c.samples for c in chunks if at <= c.text_start < until])
    assert np.array_equal(second, await by_espeak(espeak, text[at:until], "en"))
    assert chunks[-1].text_end == len(text)


async def test_a_failure_in_the_middle_of_a_clause_is_an_error(
    speaker: PiperSpeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, n_steps = Rendering.step, 0

    def fails_at_the_third(self: Rendering) -> object:
        nonlocal n_steps
        n_steps += 1
        if n_steps == 3:
            raise RuntimeError("out of memory")
        return step(self)

    monkeypatch.setattr(Rendering, "step", fails_at_the_third)
    with pytest.raises(EngineUnavailable, match="piper failed"):
        await chunks_of(speaker, job(LONG[:100]))
    monkeypatch.undo()
    assert len(await spoken(speaker, job(HELLO)))


async def test_closing_stops_the_model_within_a_window(
    speaker: PiperSpeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, n_steps = Rendering.step, 0

    def counted(self: Rendering) -> object:
        nonlocal n_steps
        n_steps += 1
        return step(self)

    monkeypatch.setattr(Rendering, "step", counted)
    async with aclosing(speaker.speak(job(LONG))) as speech:
        await anext(speech)
    at_close = n_steps
    assert len(await spoken(speaker, job("Yes.")))
    assert n_steps - at_close <= 3  # the two of "Yes.", and the one that was under way
    assert not len(speaker._studio._order)


async def test_a_reader_that_stops_stops_the_model(speaker: PiperSpeaker) -> None:
    async with aclosing(speaker.speak(job(LONG, "slow"))) as speech:
        await anext(speech)
        for _ in range(8):  # others are served meanwhile
            await spoken(speaker, job("One, two.", "other"))
        (waiting,) = speaker._studio._order.speeches()
        assert 2 <= waiting.waiting_s < 2 + 2  # what it may be ahead, and a window
        assert not waiting.busy
        rest = [chunk async for chunk in speech]
    assert rest[-1].text_end == len(LONG.rstrip())


async def test_interactive_speech_waits_for_the_windows_under_way_at_most(
    voice: VoiceConfig,
) -> None:
    engine = PiperSpeaker([voice], PiperSettings(ahead_s=10), fall_back=False, n_threads=1)
    await engine.load()
    order: list[str] = []
    begun = asyncio.Event()
    step, loop = Rendering.step, asyncio.get_running_loop()

    async def read(wanted: SpeakJob) -> None:
        async for _ in engine.speak(wanted):
            pass

    def noted(self: Rendering) -> object:
        order.append("caller" if self._work.text.startswith("Hello") else "batch")
        loop.call_soon_threadsafe(begun.set)
        return step(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rendering, "step", noted)
        async with asyncio.TaskGroup() as group:
            batch = [
                group.create_task(read(job(LONG[:300], f"b{n}", priority=Priority.BATCH)))
                for n in range(4)
            ]
            await begun.wait()
            # its phonemes take a moment in another process; from then on it is first
            group.create_task(read(job(HELLO)))
            del batch
    await engine.close()
    first, last = order.index("caller"), len(order) - 1 - order[::-1].index("caller")
    assert first < len(order) / 2
    assert set(order[first : last + 1]) == {"caller"}


async def test_a_storm_of_cancels_leaves_nothing(speaker: PiperSpeaker) -> None:
    async def leave(number: int) -> None:
        async with aclosing(speaker.speak(job(LONG[: 60 + number], f"s{number}"))) as speech:
            for _ in range(1 + number % 3):
                await anext(speech)

    async def storm() -> int:
        await asyncio.gather(*(leave(number) for number in range(40)))
        assert not len(speaker._studio._order)
        if speaker._studio._running:  # the windows that were under way
            await asyncio.wait(list(speaker._studio._running))
        gc.collect()
        return psutil.Process().memory_info().rss

    await storm()
    settled = await storm()
    assert await storm() - settled < 20_000_000
    assert not [o for o in gc.get_objects() if isinstance(o, Rendering)]
    assert len(await spoken(speaker, job("Yes.")))


async def test_too_many_jobs_are_refused_at_once(voice: VoiceConfig) -> None:
    engine = PiperSpeaker([voice], PiperSettings(), fall_back=False, n_threads=1, max_jobs=2)
    await engine.load()
    open_speeches = [engine.speak(job(LONG, f"s{number}")) for number in range(2)]
    for speech in open_speeches:
        await anext(speech)
    with pytest.raises(EngineUnavailable, match="too many"):
        await chunks_of(engine, job("Hello"))
    await open_speeches[0].aclose()
    assert await chunks_of(engine, job("Hello"))
    engine.forget("s1")
    with pytest.raises(EngineUnavailable, match="session is gone"):
        async for _ in open_speeches[1]:
            pass
    third = engine.speak(job(LONG))
    await anext(third)
    await engine.close()
    await engine.close()
    with pytest.raises(EngineUnavailable, match="closed"):
        async for _ in third:
            pass
    with pytest.raises(EngineUnavailable, match="closed"):
        await chunks_of(engine, job("Hello"))


async def test_a_job_has_a_deadline(speaker: PiperSpeaker) -> None:
    with pytest.raises(EngineTimeout):
        await chunks_of(speaker, job("Hello", timeout_s=0))
    assert await chunks_of(speaker, job("Hello"))


async def test_it_cannot_clone(speaker: PiperSpeaker) -> None:
    assert (speaker.clones, speaker.family, speaker.checkpoint) == (False, "", "")
    with pytest.raises(Unsupported):
        await speaker.condition(np.zeros(16_000, np.float32), 16_000)
    cloned = ClonedVoice(voice_id="me", version="1", conditioning={})
    with pytest.raises(Unsupported):
        await chunks_of(speaker, SpeakJob(session_id="s", text="Hello.", voice=cloned))


def damaged(folder: Path, voice: VoiceConfig) -> VoiceConfig:
    """The voice with a flipped bit."""
    target = folder / voice.name
    shutil.copytree(voice.path.parent, target)
    data = bytearray(voice.path.read_bytes())
    data[30_000_000] ^= 1
    (target / voice.path.name).chmod(0o644)
    (target / voice.path.name).write_bytes(data)
    return read_voice(target)


async def test_a_damaged_voice_is_refused_or_espeak_speaks_alone(
    voice: VoiceConfig, espeak: EspeakSpeaker, tmp_path: Path
) -> None:
    broken = damaged(tmp_path, voice)
    strict = PiperSpeaker([broken], PiperSettings(), fall_back=False, n_threads=1)
    with pytest.raises(EngineUnavailable, match="not the official file"):
        await strict.load()
    await strict.close()
    engine = PiperSpeaker([broken], PiperSettings(), fall_back=True, n_threads=1)
    await engine.load()
    await engine.warm_up()
    assert engine.ready
    assert engine.info.name == "espeak"
    assert list(engine.voices) == list(espeak.voices)
    same = await spoken(engine, job(HELLO))
    assert np.array_equal(same, await by_espeak(espeak, HELLO, "en"))
    await engine.close()


async def test_other_voices_are_loaded_when_they_are_asked_for(
    voice: VoiceConfig, voice_folder: Path, espeak: EspeakSpeaker, tmp_path: Path
) -> None:
    several = make_voice(tmp_path, voice_folder)
    slow = several / "en_US-several-medium.onnx.json"
    said = json.loads(slow.read_bytes())
    said["audio"]["sample_rate"] = 16_000  # as if it were one: it only sounds slower
    slow.write_text(json.dumps(said))
    broken = damaged(tmp_path, voice)
    (tmp_path / voice.name).rename(tmp_path / "fr_FR-x-low")
    french = read_voice(tmp_path / "fr_FR-x-low")
    french = type(french)(
        **{name: getattr(broken, name) for name in broken.__slots__}
        | {"path": french.path, "voice_id": "fr_FR-x-low", "language": "fr-FR"}
    )
    engine = PiperSpeaker(
        [voice, read_voice(several), french], PiperSettings(), fall_back=False, n_threads=2
    )
    await engine.load()
    assert list(engine._shelf._loaded) == [voice.voice_id]
    joe, anna, carl = [
        await spoken(engine, job(HELLO, voice_id=f"en_US-several-medium+{name}"))
        for name in ("joe", "1", "carl")
    ]
    own = await spoken(engine, job(HELLO))
    # at the engine's rate; it lasts 22,050/16,000 of what it did
    assert abs(len(joe) / len(own) - 22_050 / 16_000) < 0.1
    assert len(anna) != len(carl) or np.abs(anna - carl).max() > 0.05
    # one that cannot be used is espeak's, in its language
    salut = await spoken(engine, job("Salut.", language="fr"))
    assert np.array_equal(salut, await by_espeak(espeak, "Salut.", "fr"))
    await engine.close()
