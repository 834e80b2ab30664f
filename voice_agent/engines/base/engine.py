"""What every engine has, and what all jobs are made of."""

import secrets
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono audio, full scale ±1."""

ASR_SAMPLE_RATE_HZ = 16_000
"""Rate of all audio that recognizers and turn judges are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What an engine is; shown in ``/v1/info``, `ready` and on the page.

    Attributes:
        name: Short name, as in settings (`whisper`, `espeak`, …).
        role: `hears`, `speaks`, `judges_turns` or `thinks`.
        model: Model name or file.
        device: `cpu`, `cuda:0`, …
        precision: Arithmetic of the weights (`int8`, `float16`, `fixed`, …).
        sample_rate_hz: Rate of the audio it takes or makes.
        languages: Codes it understands or speaks.
        capacity: Jobs that may run at once.
        why: Why this engine was picked, for a person.
        hint: The one command that would change the choice, or empty.
    """

    name: str
    role: str
    model: str
    device: str = "cpu"
    precision: str = ""
    sample_rate_hz: int = 0
    languages: tuple[str, ...] = ()
    capacity: int = 1
    why: str = ""
    hint: str = ""


def new_session_id() -> str:
    """A name for a session, by which engines know whose job is whose."""
    return secrets.token_hex(8)


class Engine(Protocol):
    """What every engine has."""

    @property
    def info(self) -> EngineInfo:
        """What this engine is; complete after `load`."""
        ...

    @property
    def ready(self) -> bool:
        """Loaded, warm, and not broken."""
        ...

    async def load(self) -> None:
        """Loads the model.

        Raises:
            EngineUnavailable: It cannot be loaded; the message says what to do.
        """
        ...

    async def warm_up(self) -> None:
        """Runs the model once so that the first caller does not pay for it."""
        ...

    async def close(self) -> None:
        """Cancels what waits, ends threads and processes; may be called twice."""
        ...

    def forget(self, session_id: str) -> None:
        """Drops the session's queued jobs and what is kept for it."""
        ...


@runtime_checkable
class MayBeLost(Protocol):
    """An engine that can hang where nothing can end it: in the library of its model."""

    @property
    def lost(self) -> bool:
        """Whether it will not come back, so that the process should end."""
        ...


@runtime_checkable
class SaysWhy(Protocol):
    """An engine that knows why it is not ready."""

    @property
    def why_unready(self) -> str:
        """For whoever wants to begin a session; empty if it is ready."""
        ...


@runtime_checkable
class MayNeedHelp(Protocol):
    """An engine that may wait in vain."""

    @property
    def needs_help(self) -> bool:
        """Whether it will not be ready until somebody does what `why_unready` says."""
        ...


class Priority(IntEnum):
    """Order of jobs in a queue; the lower value goes first."""

    FINAL = 0
    INTERACTIVE = 1
    PARTIAL = 2
    BATCH = 3
