"""The contracts of engines: what hears, what speaks, what judges turns.

An engine is a model loaded once in a process and shared by its sessions. A session
never touches the model: it sends jobs. A job has a session, a priority, a deadline and
can be cancelled (cancel the awaiting task, or close the iterator); a job whose session
is gone is dropped before it reaches the model (`forget`).

Life of every engine: ``load()`` → ``warm_up()`` → jobs → ``close()``. Jobs before
``load`` or after ``close`` raise :class:`~voice_agent.errors.EngineUnavailable`.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono audio, full scale ±1."""

Conditioning = Mapping[str, NDArray[Any]]
"""What a model needs of a voice: named arrays that mean something to its engine only.

Nobody changes them once they are made, so that sessions can share them."""

ASR_SAMPLE_RATE_HZ = 16_000
"""Rate of all audio that recognizers and turn judges are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What an engine is; shown in ``/v1/info``, `ready` and on the page.

    Attributes:
        name: Short name, as in settings (`pocketsphinx`, `espeak`, …).
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


class Priority(IntEnum):
    """Order of jobs in a queue; the lower value goes first."""

    FINAL = 0
    INTERACTIVE = 1
    PARTIAL = 2
    BATCH = 3


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClonedVoice:
    """A registered voice, as a speaker is given it.

    Attributes:
        voice_id: The id it was registered under.
        version: Changes when the voice is replaced: what an engine keeps for a voice, it
            keeps for this id and version.
        conditioning: Made by `Speaker.condition` of the same family and checkpoint.
    """

    voice_id: str
    version: str
    conditioning: Conditioning


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakJob:
    """One request to a speaker.

    Attributes:
        session_id: Who asked.
        text: What to say; not empty, something in it can be spoken.
        voice_id: An id of `voices`, or `default`; means nothing if `voice` is set.
        chunk_s: Wished length of a chunk; the first may be shorter.
        emotion: 0–1, if the engine has it.
        speed: 1.0 is the voice's own; None leaves it.
        language: Code, or None for the voice's own.
        seed: Makes the result repeatable, if the engine draws.
        priority: `INTERACTIVE` or `BATCH`.
        timeout_s: The first chunk must come within this.
        voice: A registered voice to speak in; None for one of the engine's own. A job keeps
            the voice it began with, also when that is deleted meanwhile.
    """

    session_id: str
    text: str
    voice_id: str = "default"
    chunk_s: float = 2.0
    emotion: float = 0.5
    speed: float | None = None
    language: str | None = None
    seed: int | None = None
    priority: Priority = Priority.INTERACTIVE
    timeout_s: float = 15.0
    voice: ClonedVoice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenChunk:
    """A piece of speech.

    Attributes:
        samples: float32 mono at the engine's rate; not empty.
        text_start: First character of the job's text that is heard in it.
        text_end: One past the last.
    """

    samples: Samples
    text_start: int
    text_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceInfo:
    """A voice that a speaker can use."""

    voice_id: str
    name: str
    language: str
    cloned: bool = False


class Speaker(Engine, Protocol):
    """Text to speech."""

    @property
    def voices(self) -> Sequence[VoiceInfo]:
        """The engine's own voices, the default first."""
        ...

    @property
    def clones(self) -> bool:
        """Whether it can speak in a registered voice; known before `load`."""
        ...

    @property
    def family(self) -> str:
        """Which models share conditioning (`chatterbox-english`); it fits no other family.

        Empty if it does not clone. Complete after `load`.
        """
        ...

    @property
    def checkpoint(self) -> str:
        """Hash of the weights, 16 hex digits; conditioning made with others is made anew.

        Empty if it does not clone. Complete after `load`.
        """
        ...

    def speak(self, job: SpeakJob) -> AsyncGenerator[SpokenChunk]:
        """Speaks chunk by chunk, as fast as the consumer takes them.

        Closing the generator (``aclose``), or cancelling the task that iterates, stops
        the model within one step; nothing of the job runs after that.

        Raises:
            VoiceNotFound: No such voice; raised at the first step.
            Unsupported: `voice` is set and it does not clone, or the language is not spoken;
                raised at the first step.
            EngineTimeout: The first chunk did not come in time.
            EngineUnavailable: The engine is closed, broken, or its queue is full.
        """
        ...

    def check_voice(self, voice_id: str, language: str | None) -> None:
        """Says at once what `speak` would refuse at its first step.

        For a job in a registered voice `default` is asked about.

        Raises:
            VoiceNotFound: No such voice.
            Unsupported: The voice cannot speak the language.
            EngineUnavailable: The engine is not loaded, closed or broken.
        """
        ...

    async def condition(self, samples: Samples, sample_rate_hz: int) -> Conditioning:
        """Computes what the model needs to speak in the voice of a clip.

        Runs off the event loop, beside the jobs; they go on, perhaps a little slower.

        Args:
            samples: The clip, mono, without silence at its ends, its loudness set.
            sample_rate_hz: Its rate; the voice store gives it at `info.sample_rate_hz`.

        Raises:
            Unsupported: It does not clone.
            BadAudio: The clip is too short for this model, or no use to it.
            EngineTimeout: It took too long.
            EngineUnavailable: The engine is closed, broken, or has too many to compute.
        """
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
