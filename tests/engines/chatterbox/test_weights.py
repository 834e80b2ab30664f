"""Weights are read from both layouts, and what is none is refused with a reason."""

from pathlib import Path

import pytest
import torch  # pyright: ignore[reportMissingImports]
from safetensors.torch import save_file  # pyright: ignore[reportMissingImports]

from voice_agent.engines.chatterbox.weights import build, count_of, part_of, read_state
from voice_agent.errors import EngineUnavailable


def test_both_layouts_hold_the_same(folder: Path, tmp_path: Path) -> None:
    state = read_state(folder / "ve.pt")
    save_file(
        {name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "ve.safetensors"
    )
    again = read_state(tmp_path / "ve.safetensors")
    assert state.keys() == again.keys()
    assert all(torch.equal(state[name], again[name]) for name in state)


@pytest.mark.parametrize("name", ["t3.pt", "t3.safetensors"])
@pytest.mark.parametrize("content", [b"", b"this is no model", b"\x80\x04" + bytes(1000)])
def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(EngineUnavailable, match="cannot be read as weights"):
        read_state(tmp_path / name)


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(EngineUnavailable, match="do not fit"):
        build(lambda: torch.nn.Linear(2, 3), {"weight": torch.zeros(2, 2)}, device="cpu")


def test_parts_of_a_state_are_found_by_name() -> None:
    state = {"a.0.w": 1, "a.1.w": 2, "a.10.w": 3, "ab.0.w": 4}
    assert count_of(state, "a") == 3
    assert part_of(state, "a.1") == {"w": 2}
