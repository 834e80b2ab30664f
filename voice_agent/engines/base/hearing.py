"""What hears, and what judges whether a turn is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from voice_agent.engines.base.engine import Engine, Priority, Samples

PARTIAL_EVERY_S = 0.45
"""New audio after which sessions ask for a partial, if nothing is under pressure. Two settle a
word, half of them within 0.75 s of its end (sentences for telephones, in real time)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizeJob:
    """One request to a recognizer.

    Attributes:
        session_id: Whose audio it is.
        turn_id: Which turn of that session; partials of one turn share state.
        samples: float32 mono at 16 kHz, the turn from its first sample. Later jobs of a
            turn begin with the same samples.
        settled_s: Words before this are settled: a partial may leave out this much audio,
            and the words in it.
        priority: `FINAL` or `PARTIAL`.
        timeout_s: How long the caller waits, queue included.
        model: One of the recogniser's `models`; empty for its default.
        language: Code or `auto`.
        prompt: Text that came before, as a hint.
        hotwords: Words to expect.
    """

    session_id: str
    turn_id: int
    samples: Samples
    settled_s: float = 0.0
    priority: Priority = Priority.FINAL
    timeout_s: float = 15.0
    model: str = ""
    language: str = "en"
    prompt: str = ""
    hotwords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedWord:
    """A word and when it was said, in seconds from the job's first sample."""

    word: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What a recognizer heard.

    Attributes:
        words: In order, not overlapping. Empty if nothing was said.
        text: The words as text, punctuated if the model does that.
        language: What was spoken.
        confidence: 0–1, of the whole.
        language_probability: How sure the language is; None if it was given.
        separator: What stands between two words; nothing in Chinese.
    """

    words: tuple[TimedWord, ...]
    text: str
    language: str
    confidence: float
    language_probability: float | None = None
    separator: str = " "


class Recognizer(Engine, Protocol):
    """Speech to text."""

    @property
    def models(self) -> Sequence[str]:
        """Names of the loaded models, the default first."""
        ...

    def languages(self, model: str) -> Sequence[str]:
        """Codes that one of `models` understands, besides `auto` if there are several."""
        ...

    @property
    def degraded(self) -> Mapping[str, str]:
        """What works less well just now, and why; empty if all is well."""
        ...

    async def transcribe(self, job: RecognizeJob) -> Transcript | None:
        """Runs one job; finals go before partials, the oldest deadline first.

        A newer partial of the same session replaces one that still waits.

        Returns:
            The transcript. None, for partials only: it was replaced by a newer one, or
            there is no room for partials now.

        Raises:
            EngineTimeout: The job's deadline passed.
            EngineUnavailable: The engine is closed, broken, or its queue is full.
        """
        ...

    def release(self, session_id: str, turn_id: int) -> None:
        """Ends a turn: what was kept for its partials can go."""
        ...


class TurnJudge(Engine, Protocol):
    """Says whether a caller has finished."""

    async def probability(self, samples: Samples, *, session_id: str) -> float:
        """Probability (0–1) that the turn is complete.

        Args:
            samples: The turn so far at 16 kHz; the last 8 s are looked at.
            session_id: Whose turn it is.

        Raises:
            EngineTimeout: It took too long; treat the turn as unfinished.
            EngineUnavailable: The engine is closed, or its queue is full.
        """
        ...
