"""The engine on real weights: where stock models loop, run out of tokens or lose the time."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from tests import real_models
from tests.speech import SENTENCES, pause, speech
from voice_agent.engines.base import (
    ASR_SAMPLE_RATE_HZ,
    Priority,
    RecognizeJob,
    Samples,
    Transcript,
)
from voice_agent.engines.whisper.engine import WhisperRecognizer
from voice_agent.engines.whisper.loops import again, spelled
from voice_agent.settings import WhisperSettings

_VOICE = "en-us+m4"
_DIGITS = "3 1 4 1 5 9 2 6 5 3 5 8 9 7 9 3 2 3 8 4 6 2 6 4 3 3"
# sentences from the declaration of human rights
_DENSE = {
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "te": "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులును సమానులును నగుదురు।",
    "bn": "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।",
    "ka": "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.",
    "my": "လူတိုင်းသည် တူညီ",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[WhisperRecognizer]:
    models = {"base": real_models.base(), "tiny.en": real_models.tiny_en()}
    engine = WhisperRecognizer(models, WhisperSettings(device="cpu", threads=1))
    await engine.load()
    try:
        yield engine
    finally:
        await engine.close()


pytestmark = pytest.mark.asyncio(loop_scope="module")


def said(text: str, voice: str = _VOICE) -> Samples:
    """As a turn: with a little silence around it."""
    return np.concatenate([pause(0.3), speech(text, voice), pause(0.4)])


async def heard(engine: WhisperRecognizer, samples: Samples, **fields: object) -> Transcript:
    fields = {"session_id": "a", "turn_id": 1, "timeout_s": 60.0} | fields
    transcript = await engine.transcribe(RecognizeJob(samples=samples, **fields))  # pyright: ignore[reportArgumentType]
    assert transcript is not None
    return transcript


async def test_the_families_are_told_by_the_weights(engine: WhisperRecognizer) -> None:
    families = {name: model.family for name, model in engine._owner.models.items()}
    assert {name: family.name for name, family in families.items()} == {
        "base": "base",
        "tiny.en": "tiny.en",
    }
    assert all(family.measured for family in families.values())


async def test_ten_sessions_at_once_say_no_sentence_twice(engine: WhisperRecognizer) -> None:
    texts = [*SENTENCES, "press one to send a reply", "press four to place an outgoing call"]
    texts += ["yes please", "thank you goodbye"]
    found = await asyncio.gather(
        *(
            heard(engine, said(text), session_id=f"s{n}", model="tiny.en")
            for n, text in enumerate(texts)
        )
    )
    for text, transcript in zip(texts, found, strict=True):
        assert again(spelled(transcript.words)) is None, transcript.text
        assert len(transcript.words) <= len(text.split()) + 3, transcript.text


@pytest.mark.parametrize("model", ["base", "tiny.en"])
@pytest.mark.parametrize("text", [_DIGITS, "My name is K, O, W, A, L, S, K, I."])
async def test_a_dictated_number_or_name_ends_when_it_does(
    engine: WhisperRecognizer, model: str, text: str
) -> None:
    samples = said(text)
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    transcript = await heard(engine, samples, model=model)
    assert abs(transcript.words[-1].end_s - loud[-1] / ASR_SAMPLE_RATE_HZ) <= 0.3
    assert abs(transcript.words[0].start_s - loud[0] / ASR_SAMPLE_RATE_HZ) <= 0.3


async def test_what_is_said_again_and_again_is_heard_so(engine: WhisperRecognizer) -> None:
    # a sentence that comes twice Whisper itself tends to write once, also in 30 s windows
    transcript = await heard(engine, said("No, no, no, no. I said Thursday."))
    assert spelled(transcript.words)[:4] == ["no"] * 4
    assert transcript.confidence > 0.3


@pytest.mark.parametrize("language", _DENSE)
async def test_languages_with_many_tokens_are_heard_to_the_end_of_a_word(
    engine: WhisperRecognizer, language: str
) -> None:
    samples = said(_DENSE[language], language)
    final = await heard(engine, samples, language=language)
    assert "�" not in final.text
    assert len(final.words) > 1
    shown = await engine.transcribe(
        RecognizeJob(
            session_id="a",
            turn_id=2,
            samples=samples,
            language=language,
            priority=Priority.PARTIAL,
            timeout_s=60.0,
        )
    )
    assert shown is None or "�" not in shown.text
