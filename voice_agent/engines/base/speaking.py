"""What speaks."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from voice_agent.engines.base.engine import Engine, Priority, Samples

Conditioning = Mapping[str, NDArray[Any]]
"""What a model needs of a voice: named arrays that mean something to its engine only.

Nobody changes them once they are made, so that sessions can share them."""


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
    """A voice that a speaker can use.

    Attributes:
        voice_id: What requests call it.
        name: What people call it.
        language: Code.
        cloned: From a clip.
        licence: What whoever uses it should know; empty if nothing is known.
    """

    voice_id: str
    name: str
    language: str
    cloned: bool = False
    licence: str = ""


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
