"""Reads weights without building modules twice: mapped files, modules on the meta device.

The full model in the stock way takes 17 s and 7 GB, most of it for random numbers that are
overwritten at once; this way its transformer is there in 0.24 s.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from voice_agent.engines.chatterbox.tensors import Tensor, torch
from voice_agent.errors import EngineUnavailable

State = Mapping[str, Tensor]
"""Tensors by name, on the CPU, mapped from the file and not read before they are used."""


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` or `.pt` file; nothing in it is executed.

    Raises:
        EngineUnavailable: The file cannot be read as weights.
    """
    safetensors: Any = import_module("safetensors")
    unreadable = (OSError, RuntimeError, ValueError, EOFError, UnpicklingError)
    try:
        if path.suffix == ".safetensors":
            state: Any = import_module("safetensors.torch").load_file(str(path), device="cpu")
        else:
            state = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except (*unreadable, safetensors.SafetensorError) as error:
        raise EngineUnavailable(f"{path} cannot be read as weights: {error}") from error
    if "model" in state:  # what training saves
        state = state["model"][0]
    return dict(state)


def part_of(state: State, prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix` and a dot, without it."""
    start = f"{prefix}."
    return {name[len(start) :]: t for name, t in state.items() if name.startswith(start)}


def count_of(state: State, prefix: str) -> int:
    """How many numbered modules there are under `prefix`: `prefix.0`, `prefix.1`, …"""
    start = f"{prefix}."
    return len({name[len(start) :].split(".")[0] for name in state if name.startswith(start)})


def build(make: Callable[[], Any], state: State, *, device: str, strict: bool = True) -> Any:
    """A module with these weights, ready to be used.

    Args:
        make: Constructs it; runs on the meta device, where it costs nothing.
        state: Its weights.
        device: Where it goes.
        strict: Every weight must be there, and no other.

    Raises:
        EngineUnavailable: The weights do not fit the module.
    """
    with torch.device("meta"):
        module = make()
    try:
        module.load_state_dict(dict(state), strict=strict, assign=True)
    except RuntimeError as error:
        raise EngineUnavailable(f"the weights do not fit: {error}") from error
    return module.to(device).eval().requires_grad_(False)
