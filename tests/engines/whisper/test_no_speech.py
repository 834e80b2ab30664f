"""The model itself, without the voice activity detection before it, invents nothing."""

import pytest

from tests.phone_talk import MODEL
from tests.sounds import SOUNDS
from voice_agent.engines.whisper import temperature_fallback
from voice_agent.engines.whisper.model import LoadedModel, Window
from voice_agent.engines.whisper.window import FULL_FRAMES


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return LoadedModel("micro", MODEL, device="cpu", compute_type="int8", threads=1)


@pytest.mark.parametrize("frames", [800, FULL_FRAMES])
def test_no_words_are_invented(model: LoadedModel, frames: int) -> None:
    windows = [Window(samples=sound(), frames=frames) for sound in SOUNDS.values()]
    heard = temperature_fallback.decode(model, windows, beam_size=1, patient=True)
    assert {name: h.cleaned().text for name, h in zip(SOUNDS, heard, strict=True)} == dict.fromkeys(
        SOUNDS, ""
    )
    assert all(h.no_speech_probability > 0.3 for h in heard)
