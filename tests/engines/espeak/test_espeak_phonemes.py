"""Texts in phonemes, from the real worker process, and which word each phoneme is of."""

import asyncio
import os
import signal

import pytest

from voice_agent.engines.base import SpeakJob
from voice_agent.engines.espeak.questions import Phonemes
from voice_agent.engines.espeak.speaker import EspeakSpeaker
from voice_agent.errors import EngineTimeout, EngineUnavailable

TIMEOUT_S = 30.0


async def asked(speaker: EspeakSpeaker, text: str, voice: str = "en-us") -> Phonemes:
    return await speaker.phonemes(text, voice, TIMEOUT_S)


def by_word(text: str, said: Phonemes) -> list[tuple[str, str]]:
    """Each word as it is written, and as it is said."""
    return [
        (
            text[start:end],
            "".join(ch for ch, owner in zip(said.ipa, said.owners, strict=True) if owner == n),
        )
        for n, (start, end) in enumerate(said.words)
    ]


async def test_words_that_espeak_joins_and_parts_are_told_apart(speaker: EspeakSpeaker) -> None:
    text = "In the year 1984, of the people."
    said = await asked(speaker, text)
    assert by_word(text, said) == [
        ("In", "ɪn"),  # noqa: RUF001 (these are phonemes)
        ("the", "ðə"),
        ("year", "jˈɪɹ"),  # noqa: RUF001
        ("1984,", "nˈaɪntiːnhˈʌndɹɪdˈeɪɾifˈɔːɹ"),  # noqa: RUF001
        ("of", "ʌv"),
        ("the", "ðə"),
        ("people.", "pˈiːpəl"),  # noqa: RUF001
    ]


@pytest.mark.parametrize(
    ("text", "marks", "ends"),
    [
        ("Yes.", ".", True),
        ("Yes", ".", True),  # always with an end
        ("Really?!", "?", True),
        ("First, second; third: fourth", ",;:.", True),
        ("Well… let me see...", ",.", True),
        ("One\n\nTwo", ",.", True),
        ("She said “no,”", ",", False),
        ("Wait –", ";", False),
    ],
)
async def test_every_clause_ends_with_a_mark(
    speaker: EspeakSpeaker, text: str, marks: str, ends: bool
) -> None:
    said = await asked(speaker, text)
    assert "".join(ch for ch in said.ipa if ch in ".,;:?!") == marks
    assert said.ends_sentence is ends
    assert len(said.owners) == len(said.ipa)


@pytest.mark.parametrize(
    ("text", "voice"),
    [
        ("Größe und Straße, bitte!", "de"),
        ("C'est-à-dire l'été, n'est-ce pas?", "fr"),
        ("Съешь же ещё этих мягких булок.", "ru"),
        ("你好世界。", "cmn"),
        ("😀 a 😀", "en-us"),
        ("x" * 200, "en-us"),
        ("word " * 40, "en-us"),
        ("a\u0301\u0302 \u200b b\x00c\x01 99P", "en-us"),
    ],
)
async def test_phonemes_of_a_word_stand_together_and_in_order(
    speaker: EspeakSpeaker, text: str, voice: str
) -> None:
    said = await asked(speaker, text, voice)
    owners = [owner for owner in said.owners if owner >= 0]
    assert owners == sorted(owners)
    assert said.words
    assert all(0 <= start < end <= len(text) for start, end in said.words)
    assert set(owners) <= set(range(len(said.words)))


@pytest.mark.parametrize("text", ["", " ", "...", "😀", "\x00"])
async def test_nothing_to_say_is_nothing(speaker: EspeakSpeaker, text: str) -> None:
    said = await asked(speaker, text)
    assert not said.words


async def test_a_text_in_phonemes_changes_no_sound(speaker: EspeakSpeaker) -> None:
    job = SpeakJob(session_id="a", text="Hello there, how are you?")
    before = [chunk.samples.tobytes() async for chunk in speaker.speak(job)]
    for text, voice in (("Guten Tag", "de"), ("Hello", "en-us"), ("你好", "cmn")):
        await asked(speaker, text, voice)
    assert [chunk.samples.tobytes() async for chunk in speaker.speak(job)] == before


async def test_a_voice_that_it_does_not_have_is_an_error(speaker: EspeakSpeaker) -> None:
    with pytest.raises(EngineUnavailable, match="nobody"):
        await asked(speaker, "Hello", "nobody")
    assert (await asked(speaker, "Hello")).ipa


async def test_a_worker_that_dies_over_it_is_replaced(speaker: EspeakSpeaker) -> None:
    expected = await asked(speaker, "Hello there.")
    worker = speaker._owner._worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    assert await asked(speaker, "Hello there.") == expected


async def test_a_question_has_a_deadline_and_may_be_left(speaker: EspeakSpeaker) -> None:
    with pytest.raises(EngineTimeout):
        await speaker.phonemes("Hello", "en-us", 0)
    asking = asyncio.create_task(asked(speaker, "Hello"))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await asked(speaker, "Hello")).ipa


async def test_too_many_questions_are_refused_at_once() -> None:
    speaker = EspeakSpeaker(max_jobs=2)
    await speaker.load()
    try:
        found = await asyncio.gather(
            *(asked(speaker, "Hello") for _ in range(4)), return_exceptions=True
        )
    finally:
        await speaker.close()
    assert [type(answer) for answer in found].count(EngineUnavailable) == 2
    with pytest.raises(EngineUnavailable, match="closed"):
        await asked(speaker, "Hello")
