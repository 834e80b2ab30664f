"""One utterance on its way through the engine, and what happens to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from voice_agent.engines.base import Samples
from voice_agent.engines.chatterbox.guards import EndGuard
from voice_agent.engines.chatterbox.spec import FRAMES_PER_TOKEN, TOKENS_PER_S, Sampling


@dataclass(slots=True, eq=False)
class Lead:
    """How far the audio of one reader is ahead of it; shared by its utterances.

    Attributes:
        n_tokens: Drawn for it.
        heard_s: Audio it has taken.
    """

    n_tokens: int = 0
    heard_s: float = 0.0

    @property
    def unheard_s(self) -> float:
        """Audio that is drawn, rendered or not, and was not taken."""
        return self.n_tokens / TOKENS_PER_S - self.heard_s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """An utterance to speak.

    Attributes:
        number: Names it; the caller never uses one twice.
        text: Ids of the text, without start and stop.
        voice: What the model knows the voice by.
        emotion: 0–1.
        sampling: How tokens are drawn.
        seed: Equal requests with equal seeds sound alike, whoever else speaks.
        chunk_tokens: Speech tokens of a chunk, once the short first ones are out.
        longest: Tokens it may have.
        patient: Others go first.
        ahead: Of its reader.
    """

    number: int
    text: Sequence[int]
    voice: Any
    emotion: float = 0.5
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0
    chunk_tokens: int = 50
    longest: int = 1000
    patient: bool = False
    ahead: Lead = field(default_factory=Lead)


@dataclass(slots=True, kw_only=True, eq=False)
class Utterance:
    """A request and where it stands.

    Attributes:
        request: What was asked.
        came_s: When, on the scheduler's clock.
        vocoder: Its state in the vocoder.
        guard: Ends it if need be.
        slot: Where its tokens are drawn, while they are.
        tokens: Drawn so far, without the stop.
        ended: Why no more are drawn, or empty.
        n_rendered: Tokens whose spectrogram was made with all it depends on.
        n_sent_frames: Spectrogram frames whose audio was sent.
        n_chunks: Windows that were rendered.
        rendering: A window of it is in a batch.
        spoke_s: When its first audio was there; None before.
        over: All was sent, or nobody wants it.
    """

    request: Request
    came_s: float
    vocoder: Any
    guard: EndGuard
    slot: int | None = None
    tokens: list[int] = field(default_factory=list[int])
    ended: str = ""
    n_rendered: int = 0
    n_sent_frames: int = 0
    n_chunks: int = 0
    rendering: bool = False
    spoke_s: float | None = None
    over: bool = False

    def deadline_s(self) -> float:
        """When its listener runs out of audio; before anything is heard, when it came.

        The first chunks of all utterances come before all others: nothing is worth more
        than a short silence before the first sound.
        """
        if self.spoke_s is None:
            return self.came_s - (0.0 if self.request.patient else 1e6)
        sent_s = self.n_sent_frames / (TOKENS_PER_S * FRAMES_PER_TOKEN)
        return self.spoke_s + sent_s + (1e3 if self.request.patient else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audio:
    """Audio of an utterance.

    Attributes:
        number: Whose.
        samples: float32 mono at 24 kHz; may be empty if `last`.
        n_tokens: Tokens of the utterance that are heard up to its end.
        n_drawn: Tokens of the whole utterance as far as is known; final if `last`.
        last: Nothing follows.
    """

    number: int
    samples: Samples
    n_tokens: int
    n_drawn: int
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AllDrawn:
    """An utterance has all its tokens, its slot is free; audio may still follow.

    Attributes:
        number: Whose.
        n_tokens: How many.
        why: `end`, `length` or `repetition`.
    """

    number: int
    n_tokens: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refused:
    """An utterance cannot be spoken; nothing follows."""

    number: int
    why: str


Event = Audio | AllDrawn | Refused
