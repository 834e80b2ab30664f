"""Voices of a service: registered, spoken, made anew, deleted; one engine, many sessions."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.scripted_cloner import HZ, ScriptedCloner
from tests.voices.clips import hum, voice, wav
from voice_agent.engines.base import Conditioning, EngineInfo, Samples
from voice_agent.engines.espeak.speaker import EspeakSpeaker
from voice_agent.errors import (
    BadAudio,
    BadMessage,
    EngineUnavailable,
    RateLimited,
    TooLarge,
    Unsupported,
    VoiceAgentError,
    VoiceExists,
    VoiceNotFound,
)
from voice_agent.settings import Settings, VoicesSettings
from voice_agent.voices.loudness import TARGET_LUFS, loudness_lufs
from voice_agent.voices.registry import Registration, VoiceRegistry

Opener = Callable[..., VoiceRegistry]


@pytest.fixture
async def library_of(tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens libraries on one folder, each as if it were another process."""
    opened: list[VoiceRegistry] = []

    def library(cloner: ScriptedCloner | None = None, **voices: int) -> VoiceRegistry:
        settings = Settings(voices=VoicesSettings(dir=tmp_path / "voices", **voices))
        opened.append(VoiceRegistry(cloner or ScriptedCloner(), settings))
        return opened[-1]

    yield library
    for one in opened:
        await one.close()


def anna(pitch: float = 220.0, **fields: object) -> Registration:
    return Registration(**{"voice_id": "anna", "clip": voice(pitch), **fields})  # pyright: ignore[reportArgumentType]


async def pitch_of(library: VoiceRegistry, voice_id: str = "anna") -> float:
    found = await library.resolve(voice_id)
    assert found is not None
    return float(found.conditioning["pitch_hz"][0])


async def test_a_voice_can_be_spoken_in_as_soon_as_it_is_registered(library_of: Opener) -> None:
    cloner = ScriptedCloner()
    library = library_of(cloner)
    made = await library.register(anna(name="Anna", consent={"speaker": "Anna"}))
    assert (made.voice_id, made.duration_s, made.notes) == ("anna", 2.0, ())
    library.check("anna", "en")
    assert await pitch_of(library) == pytest.approx(220, abs=1)
    assert len(cloner.conditioned) == 1
    (record,) = library.registered()
    assert (record.name, record.consent, record.duration_s) == ("Anna", {"speaker": "Anna"}, 2.0)
    assert (record.family, record.checkpoint) == (cloner.family, cloner.checkpoint)


async def test_the_engine_gets_the_clip_prepared_at_its_own_rate(library_of: Opener) -> None:
    cloner = ScriptedCloner()
    quiet = np.zeros(96_000, np.float32)
    clip = wav(np.concatenate([quiet, hum(220, 2, 96_000, 0.01), quiet]), 96_000, channels=2)
    await library_of(cloner).register(anna(clip=clip))
    ((samples, rate_hz),) = cloner.conditioned
    assert rate_hz == HZ
    assert len(samples) / HZ == pytest.approx(2.2, abs=0.05)
    assert loudness_lufs(samples, HZ) == pytest.approx(TARGET_LUFS, abs=0.05)


async def test_other_processes_see_it_without_being_told(library_of: Opener) -> None:
    here, there = library_of(), library_of()
    await there.open()
    with pytest.raises(VoiceNotFound):
        there.check("anna", None)
    await here.register(anna(220))
    there.check("anna", None)
    assert await pitch_of(there) == pytest.approx(220, abs=1)
    await there.register(anna(330, replace=True))
    assert await pitch_of(here) == pytest.approx(330, abs=1)
    await here.remove("anna")
    with pytest.raises(VoiceNotFound):
        there.check("anna", None)
    assert there.registered() == []


async def test_a_kept_voice_is_read_and_not_computed_again(library_of: Opener) -> None:
    await library_of().register(anna())
    cloner = ScriptedCloner()
    library = library_of(cloner)
    assert await pitch_of(library) == pytest.approx(220, abs=1)
    assert cloner.conditioned == []
    assert await library.resolve("anna") == await library.resolve("anna")


async def test_a_new_model_computes_it_once_however_many_ask(library_of: Opener) -> None:
    await library_of().register(anna())
    cloner = ScriptedCloner(checkpoint="1" * 16, condition_s=0.1)
    library = library_of(cloner)
    found = await asyncio.gather(*(pitch_of(library) for _ in range(10)))
    assert found == [pytest.approx(220, abs=1)] * 10
    assert len(cloner.conditioned) == 1
    later = ScriptedCloner(checkpoint="1" * 16)
    await pitch_of(library_of(later))
    former = ScriptedCloner()
    await pitch_of(library_of(former))
    assert later.conditioned == former.conditioned == []


async def test_one_that_leaves_does_not_take_it_from_the_others(library_of: Opener) -> None:
    await library_of().register(anna())
    cloner = ScriptedCloner(family="other", condition_s=0.1)
    library = library_of(cloner)
    first = asyncio.create_task(library.resolve("anna"))
    second = asyncio.create_task(library.resolve("anna"))
    while not cloner.conditioned:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    first.cancel()
    assert await second is not None
    assert len(cloner.conditioned) == 1


async def test_an_engine_that_fails_fails_that_once(library_of: Opener) -> None:
    await library_of().register(anna())

    class Failing(ScriptedCloner):
        fails = True

        async def condition(self, samples: Samples, sample_rate_hz: int) -> Conditioning:
            if self.fails:
                raise EngineUnavailable("out of order")
            return await super().condition(samples, sample_rate_hz)

    cloner = Failing(family="other")
    library = library_of(cloner)
    with pytest.raises(EngineUnavailable):
        await library.register(anna(replace=True))
    failures = await asyncio.gather(
        *(library.resolve("anna") for _ in range(3)), return_exceptions=True
    )
    assert [type(failure) for failure in failures] == [EngineUnavailable] * 3
    cloner.fails = False
    assert await pitch_of(library) == pytest.approx(220, abs=1)


async def test_a_replaced_voice_has_another_version(library_of: Opener) -> None:
    library = library_of()
    await library.register(anna(220))
    first = await library.resolve("anna")
    with pytest.raises(VoiceExists):
        await library.register(anna(330))
    await library.register(anna(330, replace=True))
    second = await library.resolve("anna")
    assert first is not None
    assert second is not None
    assert first.version < second.version
    assert float(first.conditioning["pitch_hz"][0]) == pytest.approx(220, abs=1)


async def test_a_voice_of_the_same_id_after_a_deleted_one_is_another(library_of: Opener) -> None:
    library = library_of()
    await library.register(anna(220))
    first = await library.resolve("anna")
    await library.remove("anna")
    assert await library.resolve("anna") is None
    await library.register(anna(330))
    second = await library.resolve("anna")
    assert first
    assert second
    assert first.version != second.version
    assert await pitch_of(library) == pytest.approx(330, abs=1)


async def test_a_damaged_clip_is_told_when_it_is_needed(library_of: Opener, tmp_path: Path) -> None:
    await library_of().register(anna())
    for path in (tmp_path / "voices").glob("*/reference.wav"):
        path.write_bytes(b"RIFF")
    assert await pitch_of(library_of()) == pytest.approx(220, abs=1)
    with pytest.raises(VoiceNotFound, match="damaged"):
        await pitch_of(library_of(ScriptedCloner(family="other")))


async def test_the_clip_is_brought_to_the_rate_of_a_new_engine(library_of: Opener) -> None:
    await library_of().register(anna())

    class Slow(ScriptedCloner):
        @property
        def info(self) -> EngineInfo:
            return replace(super().info, sample_rate_hz=16_000)

    cloner = Slow(family="other")
    assert await pitch_of(library_of(cloner)) == pytest.approx(220, abs=1)
    assert [(len(samples), rate) for samples, rate in cloner.conditioned] == [(32_000, 16_000)]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"voice_id": "../../etc/passwd"}, BadMessage),
        ({"voice_id": ""}, BadMessage),
        ({"voice_id": "a" * 65}, BadMessage),
        ({"voice_id": "anna\n"}, BadMessage),
        ({"voice_id": "en-us+f2"}, BadMessage),
        ({"voice_id": "default"}, VoiceExists),
        ({"voice_id": "low", "replace": True}, VoiceExists),
        ({"clip": b""}, BadAudio),
        ({"clip": b"RIFF" * 100}, BadAudio),
        ({"clip": wav(hum(220, 0.2))}, BadAudio),
        ({"clip": wav(np.zeros(HZ * 3, np.float32))}, BadAudio),
        ({"clip": voice(seconds=61)}, TooLarge),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_cannot_be_a_voice_leaves_none(
    library_of: Opener, fields: dict[str, object], kind: type[VoiceAgentError]
) -> None:
    cloner = ScriptedCloner()
    library = library_of(cloner)
    with pytest.raises(kind):
        await library.register(anna(**fields))  # pyright: ignore[reportArgumentType]
    assert library.registered() == []
    assert cloner.conditioned == []


async def test_there_are_only_so_many(library_of: Opener) -> None:
    library = library_of(max_voices=2)
    await library.register(anna(voice_id="one"))
    await library.register(anna(voice_id="two"))
    with pytest.raises(TooLarge, match="2 voices"):
        await library.register(anna(voice_id="three"))
    await library.register(anna(voice_id="two", replace=True))


async def test_the_clips_in_hand_are_bounded(library_of: Opener) -> None:
    library = library_of(ScriptedCloner(condition_s=5))
    clip = voice(seconds=60) + bytes(7 << 20)
    tasks = [
        asyncio.create_task(library.register(anna(voice_id=f"v{n}", clip=clip))) for n in range(14)
    ]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited):
        await library.register(anna(clip=clip))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await library_of().register(anna())


async def test_a_folder_that_cannot_be_used_is_told_without_its_name(
    library_of: Opener, tmp_path: Path
) -> None:
    (tmp_path / "voices").write_text("a file")
    library = library_of()
    for work in (library.open(), library.register(anna())):
        with pytest.raises(VoiceAgentError, match="cannot keep voices") as caught:
            await work
        assert str(tmp_path) not in caught.value.message


async def test_the_engines_own_voices_stay(library_of: Opener) -> None:
    library = library_of()
    with pytest.raises(Unsupported, match="built into"):
        await library.remove("low")
    with pytest.raises(VoiceNotFound):
        await library.remove("nobody")
    with pytest.raises(Unsupported):
        library.check("default", "de")
    await library.register(anna())
    with pytest.raises(Unsupported):
        library.check("anna", "de")
    assert await library.resolve("default") is None


async def test_an_engine_that_cannot_clone_touches_no_disk(tmp_path: Path) -> None:
    settings = Settings(voices=VoicesSettings(dir=tmp_path / "voices"))
    library = VoiceRegistry(EspeakSpeaker(), settings)
    await library.open()
    with pytest.raises(Unsupported, match="espeak engine cannot clone"):
        await library.register(anna(clip=b"not looked at"))
    assert library.registered() == []
    assert not (tmp_path / "voices").exists()
