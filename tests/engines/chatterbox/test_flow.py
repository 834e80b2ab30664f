"""Spectrograms of many streams in one batch are those of the stock code, one by one."""

from pathlib import Path
from typing import Any

import pytest
import torch  # pyright: ignore[reportMissingImports]

from tools.make_test_chatterbox import random_voice, stock_voice
from voice_agent.engines.chatterbox.flow import Flow, FlowVoice, Window
from voice_agent.engines.chatterbox.s3gen_modules import build_s3gen
from voice_agent.engines.chatterbox.spec import ENGLISH
from voice_agent.engines.chatterbox.weights import read_state

VOICES = [random_voice(seed, seconds) for seed, seconds in enumerate((2.0, 3.0, 4.0))]


@pytest.fixture(scope="module")
def flow(folder: Path, stock: Any) -> Flow:
    modules = build_s3gen(read_state(folder / "s3gen.pt"), "cpu")
    noise = stock.s3gen.flow.decoder.rand_noise[0]
    return Flow(modules.flow, ENGLISH, device="cpu", dtype=torch.float32, noise=noise)


@pytest.fixture(autouse=True)
def inference() -> Any:
    with torch.inference_mode():
        yield


def voice_of(voice: dict[str, Any]) -> FlowVoice:
    return FlowVoice(
        tokens=torch.from_numpy(voice["gen.prompt_token"][0]),
        frames=torch.from_numpy(voice["gen.prompt_feat"][0]),
        speaker=torch.from_numpy(voice["gen.embedding"][0]),
    )


def tokens(n: int, seed: int = 0) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 6561, (n,), generator=generator).tolist()


def window(i: int, said: list[int], first: int = 0, *, last: bool = True) -> Window:
    return Window(tokens=said, first=first, last=last, voice=voice_of(VOICES[i]))


def rendered(flow: Flow, *windows: Window) -> list[Any]:
    batch = flow.begin(windows, ENGLISH.flow_steps)
    while not batch.done:
        flow.advance(batch)
    return batch.spectrograms()


def distance(a: Any, b: Any) -> float:
    assert a.shape == b.shape
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("last", [True, False])
def test_a_window_is_rendered_as_by_the_stock_code(flow: Flow, stock: Any, last: bool) -> None:
    said = torch.tensor(tokens(25))
    gen = stock_voice(VOICES[0]).gen
    expected = stock.s3gen.flow_inference(said, ref_dict=gen, finalize=last)[0]
    assert distance(rendered(flow, window(0, said.tolist(), last=last))[0], expected) <= 1e-5


def test_a_batch_of_different_voices_and_lengths_is_rendered_as_one_by_one(flow: Flow) -> None:
    windows = [
        window(0, tokens(10, 1), last=False),
        window(1, tokens(31, 2)),
        window(2, tokens(22, 3), first=40, last=False),
    ]
    together = rendered(flow, *windows)
    for alone, row in zip(windows, together, strict=True):
        assert distance(row, rendered(flow, alone)[0]) <= 1e-5


def test_what_only_is_looked_at_is_not_rendered(flow: Flow) -> None:
    said = tokens(20)
    assert rendered(flow, window(0, said, last=False))[0].shape == (80, 34)
    assert rendered(flow, window(0, said))[0].shape == (80, 40)


def test_a_window_that_moved_renders_the_same_frames_alike(flow: Flow) -> None:
    said = tokens(60)
    whole = rendered(flow, window(0, said))[0][:, 80:]
    moved = rendered(flow, window(0, said[20:], first=20))[0][:, 40:]
    with_other_noise = rendered(flow, window(0, said[20:]))[0][:, 40:]
    assert distance(moved, whole) < 0.3 * distance(with_other_noise, whole)


def test_a_step_never_waits_for_the_host(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = flow.begin([window(0, tokens(10)), window(1, tokens(12))], 10)

    def refused(*_: Any) -> Any:
        raise AssertionError("the host looked at a tensor")

    flow.advance(batch)
    for name in ("item", "tolist", "cpu", "__bool__", "__int__", "numpy", "nonzero"):
        monkeypatch.setattr(torch.Tensor, name, refused)
    flow.advance(batch)
