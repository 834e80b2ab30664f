"""What is measured: the interface, and the table of names."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol

from voice_agent.engines.base import Samples


class Contender(Protocol):
    """A recogniser that sessions give whole utterances."""

    async def open(self, n_sessions: int) -> None:
        """Loads what it needs for so many sessions and runs it once."""
        ...

    async def final(self, session: int, samples: Samples) -> str:
        """The text of an utterance, float32 mono 16 kHz."""
        ...

    async def close(self) -> None:
        """Ends threads and processes."""
        ...


_MODULES = "benchmarks.asr_throughput.contenders"


def _from(module: str, name: str, *arguments: str | int) -> Callable[[Path], Contender]:
    # imported when it is built: each runs in a process of its own, without the others' weight
    return lambda model: getattr(import_module(f"{_MODULES}.{module}"), name)(model, *arguments)


CONTENDERS: Mapping[str, Callable[[Path], Contender]] = {
    "sequential": _from("sequential", "Sequential"),
    "direct": _from("direct", "Direct"),
    "ours-full": _from("ours", "Ours", "full"),
    "ours-auto": _from("ours", "Ours", "auto"),
    "ours-auto-alone": _from("ours", "Ours", "auto", 1),
    "pipecat": _from("pipecat", "Pipecat"),
    "whisper-live": _from("whisper_live", "WhisperLive"),
}
"""Built with the folder of the model."""
