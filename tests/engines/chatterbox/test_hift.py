"""Audio made chunk by chunk is the audio made in one piece."""

from pathlib import Path
from typing import Any

import pytest
import torch  # pyright: ignore[reportMissingImports]

from voice_agent.engines.chatterbox.hift import (
    EXACT_HOLD_FRAMES,
    HOLD_FRAMES,
    Vocoder,
    VocoderJob,
)
from voice_agent.engines.chatterbox.s3gen_modules import build_s3gen
from voice_agent.engines.chatterbox.weights import read_state


@pytest.fixture(scope="module")
def vocoder(folder: Path) -> Vocoder:
    return Vocoder(build_s3gen(read_state(folder / "s3gen.pt"), "cpu").vocoder, "cpu")


@pytest.fixture(autouse=True)
def inference() -> Any:
    with torch.inference_mode():
        yield


@pytest.fixture
def frames() -> Any:
    return torch.randn(80, 150, generator=torch.Generator().manual_seed(3)) - 3


def in_chunks(vocoder: Vocoder, frames: Any, size: int, hold: int, seed: int = 5) -> Any:
    state, said, at = vocoder.start(seed), [], 0
    while at < frames.shape[1]:
        last = at + size + hold >= frames.shape[1]
        shown = frames[:, at:] if last else frames[:, at : at + size + hold]
        [audio] = vocoder.render([VocoderJob(state=state, frames=shown, hold=0 if last else hold)])
        said.append(audio)
        at = frames.shape[1] if last else at + size
    return torch.cat(said)


def in_one(vocoder: Vocoder, frames: Any, seed: int = 5) -> Any:
    job = VocoderJob(state=vocoder.start(seed), frames=frames, hold=0)
    return vocoder.render([job])[0]


@pytest.mark.parametrize("size", [12, 20, 50])
def test_chunks_are_as_one_piece(vocoder: Vocoder, frames: Any, size: int) -> None:
    whole = in_one(vocoder, frames)
    chunked = in_chunks(vocoder, frames, size, EXACT_HOLD_FRAMES)
    assert whole.shape == chunked.shape == (150 * 480,)
    assert float((whole - chunked).norm() / whole.norm()) < 1e-4


def test_with_less_held_back_they_are_nearly_so(vocoder: Vocoder, frames: Any) -> None:
    whole = in_one(vocoder, frames)
    chunked = in_chunks(vocoder, frames, 20, HOLD_FRAMES)
    assert float((whole - chunked).norm() / whole.norm()) < 0.05


def test_one_piece_is_what_the_stock_decoder_makes_of_the_same_source(
    vocoder: Vocoder, stock: Any, frames: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = stock.s3gen.mel2wav
    theirs: list[Any] = []
    decode = module.decode

    def spied(x: Any, s: Any) -> Any:
        theirs.append(s)
        return decode(x=x, s=s)

    monkeypatch.setattr(module, "decode", spied)
    state = vocoder.start(5)
    pitch = module.f0_predictor(frames[None])
    source, _ = vocoder._excite(pitch, [state])
    expected = module.decode(x=frames[None], s=source)[0]
    expected[:960] *= stock.s3gen.trim_fade
    ours = in_one(vocoder, frames)
    assert float((ours - expected).norm() / expected.norm()) < 1e-5
    # the stock source differs only in what is drawn: its loudness is the same
    module.inference(speech_feat=frames[None])
    assert float(theirs[-1].std() / source.std()) == pytest.approx(1, abs=0.05)


def test_a_batch_is_rendered_as_one_by_one(vocoder: Vocoder, frames: Any) -> None:
    def jobs() -> list[VocoderJob]:
        lengths = (30, 50, 30, 40)
        return [
            VocoderJob(state=vocoder.start(i), frames=frames[:, i : i + n], hold=8)
            for i, n in enumerate(lengths)
        ]

    together = vocoder.render(jobs())
    for job, audio in zip(jobs(), together, strict=True):
        alone = vocoder.render([job])[0]
        assert float((alone - audio).norm() / alone.norm()) < 1e-3


def test_a_short_fragment_that_is_all_held_is_not_lost(vocoder: Vocoder, frames: Any) -> None:
    state = vocoder.start(1)
    [nothing] = vocoder.render([VocoderJob(state=state, frames=frames[:, :8], hold=8)])
    assert len(nothing) == 0
    [all_of_it] = vocoder.render([VocoderJob(state=state, frames=frames[:, :10], hold=0)])
    assert torch.equal(all_of_it, in_one(vocoder, frames[:, :10], seed=1))
