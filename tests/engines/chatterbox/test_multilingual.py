"""Multilingual: the English model with more text ids, languages as tags, and scripts to read."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch  # pyright: ignore[reportMissingImports]

from tests.engines.chatterbox.test_t3 import StockRequest
from tools.make_test_chatterbox import random_voice, small_classes, stock_voice
from tools.make_test_variants import multilingual
from voice_agent.engines.base import SpeakJob
from voice_agent.engines.chatterbox import romanization
from voice_agent.engines.chatterbox.checkpoint import find_checkpoint
from voice_agent.engines.chatterbox.speaker import ChatterboxSpeaker
from voice_agent.engines.chatterbox.spec import MULTILINGUAL
from voice_agent.engines.chatterbox.t3 import T3
from voice_agent.engines.chatterbox.t3_weights import read_t3
from voice_agent.engines.chatterbox.text import TextIds
from voice_agent.engines.chatterbox.weights import read_state
from voice_agent.errors import Unsupported
from voice_agent.settings import ChatterboxSettings


@pytest.fixture(scope="module")
def folder() -> Path:
    return multilingual()


def names(folder: Path, text: str, language: str) -> list[str | None]:
    """The tokens of a text, by name."""
    from tokenizers import Tokenizer  # pyright: ignore[reportMissingImports]

    files = find_checkpoint(folder)
    tokenizer = Tokenizer.from_file(str(files.parts["text"]))
    return [tokenizer.id_to_token(i) for i in TextIds(files).ids(text, language)]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "Grüß", ["[de]", "g", "r", "u", "\u0308", "ß", "."]),
        ("fr", "Ça va?", ["[fr]", "c", "\u0327", "a", "[SPACE]", "v", "a", "?"]),
        ("ko", "각", ["[ko]", "\u1100", "\u1161", "\u11a8", "."]),
        ("zh", "我。", ["[zh]", *(f"[cj_{key}]" for key in "hqi."), "[UNK]"]),
        ("zh", "找", ["[zh]", *(f"[cj_{key}]" for key in "hqi1."), "."]),
    ],
)
def test_a_text_begins_with_its_language_and_is_read_as_the_model_learned_it(
    folder: Path, language: str, text: str, expected: list[str]
) -> None:
    assert names(folder, text, language) == expected


def test_logits_are_those_of_the_stock_code(folder: Path) -> None:
    import chatterbox.tts as stock  # pyright: ignore[reportMissingImports]
    from chatterbox.models.t3 import t3 as modules  # pyright: ignore[reportMissingImports]

    class Sizes(modules.T3Config):
        text_tokens_dict_size = 2454

    state = read_state(folder / "t3_mtl23ls_v2.safetensors")
    with small_classes():
        model = stock.T3(Sizes()).eval()
    model.load_state_dict(state)
    text = TextIds(find_checkpoint(folder)).ids("Wie geht es?", "de")
    with torch.inference_mode():
        weights = read_t3(state, MULTILINGUAL, device="cpu", dtype=torch.float32, positions=256)
        t3 = T3(weights, MULTILINGUAL, slots=1, positions=256)
        voice = stock_voice(random_voice(0, 1.0))
        t3.join(0, t3.prefix(("a", 0.5), voice.t3), text, MULTILINGUAL.sampling, seed=1)
        alone = StockRequest(model, voice, list(text))
        worst = float((alone.logits - t3.logits[0]).abs().max())
        for _ in range(40):
            alone.feed(int(t3.step([0])[0]))
            worst = max(worst, float((alone.logits - t3.logits[0]).abs().max()))
    assert worst <= 1e-4


@pytest.fixture
async def speaker(folder: Path) -> AsyncGenerator[ChatterboxSpeaker]:
    settings = ChatterboxSettings(slots=4, threads=1, prompt_s=2.0, flow_steps=2, watermark=False)
    speaker = ChatterboxSpeaker(find_checkpoint(folder), settings, lambda: ("cpu", "float32"))
    await speaker.load()
    yield speaker
    await speaker.close()


async def test_every_language_that_can_be_read_here_is_spoken(speaker: ChatterboxSpeaker) -> None:
    unreadable = {"ja"} if not romanization.find_spec("pykakasi") else set()
    languages = set(speaker.info.languages)
    assert languages == set(MULTILINGUAL.languages) - unreadable
    assert len(MULTILINGUAL.languages) == 23
    for language, text in {
        "de": "Guten Tag, wie geht es?",
        "ko": "안녕하세요",
        "zh": "你好",
    }.items():
        job = SpeakJob(session_id="s", text=text, language=language, seed=1, timeout_s=60.0)
        chunks = [chunk async for chunk in speaker.speak(job)]
        assert chunks[-1].text_end == len(text)
        assert np.concatenate([chunk.samples for chunk in chunks]).size


async def test_the_language_makes_other_speech(speaker: ChatterboxSpeaker) -> None:
    heard: list[Any] = []
    for language in ("en", "it"):
        job = SpeakJob(session_id="s", text="Alpha beta.", language=language, seed=1)
        heard.append(np.concatenate([c.samples async for c in speaker.speak(job)]))
    assert heard[0].shape == heard[1].shape
    assert not np.array_equal(*heard)


async def test_a_script_that_cannot_be_read_here_is_refused_with_what_helps(
    speaker: ChatterboxSpeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(speaker._asking.unreadable, "ja", "pip install pykakasi")  # pyright: ignore
    with pytest.raises(Unsupported, match="pykakasi"):
        speaker.check_voice("default", "ja")


def test_kanji_are_read_by_their_sound() -> None:
    words = [{"orig": "私", "hira": "わたし"}, {"orig": "は", "hira": "は"}]
    words += [{"orig": "カメラ", "hira": "かめら"}, {"orig": "反", "hira": "はん"}]
    assert romanization._hiragana(words) == "わたしはカメラ はん"
