"""When a turn begins and ends.

A turn is one or more segments. It ends when silence after one has lasted as long as its sound
and its words call for (`end_of_turn.py`), at the latest after `silence_ms`, when the client says
so, or when it grew too long, and then it is cut at its quietest spot.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.turns.segmenter import SegmentEnded, Segmenter, SegmentEvent, SegmentStarted


class EndedBy(StrEnum):
    """Why a turn ended."""

    SMART_TURN = "smart_turn"
    SILENCE = "silence"
    CLIENT = "client"
    LENGTH = "length"


class TurnDetection(StrEnum):
    """What may end a turn besides the client and its length."""

    SMART_TURN = "smart_turn"
    SILENCE = "silence"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRules:
    """How turns end; may change between any two samples.

    Attributes:
        detection: What may end a turn.
        silence_ms: Silence after a segment that ends the turn in any case.
        max_turn_s: A longer turn is cut.
    """

    detection: TurnDetection = TurnDetection.SMART_TURN
    silence_ms: int = 1600
    max_turn_s: float = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded:
    """A turn, or a part of one that was too long, is over.

    Attributes:
        start_sample: Where its speech began.
        end_sample: One past where it ended.
        ended_by: Why.
        complete: False if the same turn goes on after a cut.
    """

    start_sample: int
    end_sample: int
    ended_by: EndedBy
    complete: bool = True


TurnEvent = SegmentEvent | TurnEnded

# the part of a turn in which the spot for a cut is looked for
_CUT_WITHIN_S = 10.0


class TurnTracker:
    """Feeds on window probabilities and verdicts; says what happened.

    At a `SegmentEnded`, ask a judge if `wants_verdict`, and say what follows with `end_after`,
    again whenever more is known; speech makes it forget that.
    """

    def __init__(self, rules: TurnRules) -> None:
        self._rules = rules
        self._segmenter = Segmenter()
        self._samples = 0  # samples seen, in whole windows
        self._turn_start: int | None = None
        self._turn_end = 0  # end of the last segment
        self._piece_start = 0  # where the part that was not cut off yet begins
        self._wait_ms: float | None = None  # silence that ends the turn in this pause

    @property
    def rules(self) -> TurnRules:
        """The rules in force."""
        return self._rules

    def change(self, **changes: object) -> None:
        """Changes rules from the next sample on."""
        self._rules = replace(self._rules, **changes)  # pyright: ignore[reportArgumentType]

    @property
    def quiet(self) -> bool:
        """Whether nothing is said and nothing begins."""
        return self._segmenter.quiet

    @property
    def speaking(self) -> bool:
        """Whether a segment is open."""
        return self._segmenter.speaking

    @property
    def pausing(self) -> bool:
        """Whether the open segment is about to end: the time to ask a judge."""
        return self._segmenter.pausing

    @property
    def pausing_since(self) -> int:
        """Sample where speech is missing since; only while `pausing`."""
        return self._segmenter.changing_since

    @property
    def open(self) -> bool:
        """Whether a turn is open."""
        return self._turn_start is not None

    @property
    def turn_start(self) -> int | None:
        """Sample where the open turn's speech began (after a cut: where it was cut)."""
        return self._piece_start if self.open else None

    @property
    def wants_verdict(self) -> bool:
        """Whether a judge is to be asked at the end of a segment."""
        return self._rules.detection is TurnDetection.SMART_TURN

    def feed(
        self, probability: float, window_samples: int = 512, loudness_db: float | None = None
    ) -> Iterator[TurnEvent]:
        """Takes the next window of audio; see `Segmenter.feed`."""
        self._samples += window_samples
        event = self._segmenter.feed(probability, loudness_db)
        if event is not None:
            yield from self._on_segment(event)
        yield from self.end_if_due()
        if self._too_long():
            yield self._cut(window_samples)

    def end_after(self, wait_ms: float, *, end_sample: int) -> None:
        """Takes how much silence ends the turn in the pause that began at `end_sample`.

        Replaces what was said of this pause before; says nothing of another one.
        """
        if self.open and not self.speaking and end_sample == self._turn_end:
            self._wait_ms = wait_ms

    def end_if_due(self) -> Iterator[TurnEvent]:
        """Ends the turn if it has been silent for long enough."""
        if self._waited():
            yield self._end(EndedBy.SMART_TURN)
        elif self._silent_too_long():
            yield self._end(EndedBy.SILENCE)

    def close_segment(self, *, suspect: bool = False) -> Iterator[TurnEvent]:
        """Ends the open segment because no more audio comes; the turn stays open."""
        for event in self._segmenter.cut(suspect=suspect):
            yield from self._on_segment(event)

    def finish(self, ended_by: EndedBy) -> Iterator[TurnEvent]:
        """Ends the turn now, as the client asks; nothing if none is open.

        If none is, but there was something like speech, that is a turn.
        """
        yield from self.close_segment(suspect=not self.open and ended_by is EndedBy.CLIENT)
        if self.open:
            yield self._end(ended_by)

    def _on_segment(self, event: SegmentEvent) -> Iterator[TurnEvent]:
        match event:
            case SegmentStarted(at_sample):
                self._wait_ms = None
                if self._turn_start is None:
                    self._turn_start = self._piece_start = at_sample
                elif self._turn_end <= self._piece_start:
                    # silent since the cut: this part begins with its speech
                    self._piece_start = max(at_sample, self._piece_start)
            case SegmentEnded(at_sample):
                self._turn_end = at_sample
        yield event

    def _waited(self) -> bool:
        """Whether the pause is as long as `end_after` says; not while speech seems to begin."""
        return (
            self._wait_ms is not None
            and self._wait_ms < self._rules.silence_ms
            and self.wants_verdict
            and self._segmenter.quiet
            and self._silent_for(self._wait_ms)
        )

    def _silent_too_long(self) -> bool:
        if self._rules.detection is TurnDetection.NONE:
            return False
        return self._silent_for(self._rules.silence_ms)

    def _silent_for(self, milliseconds: float) -> bool:
        if not self.open or self.speaking:
            return False
        return (self._samples - self._turn_end) * 1000 >= milliseconds * ASR_SAMPLE_RATE_HZ

    def _too_long(self) -> bool:
        length = self._samples - self._piece_start
        has_speech = self.speaking or self._turn_end > self._piece_start
        return self.open and has_speech and length >= self._rules.max_turn_s * ASR_SAMPLE_RATE_HZ

    def _cut(self, window_samples: int) -> TurnEnded:
        within_s = min(_CUT_WITHIN_S, self._rules.max_turn_s / 2)
        at = self._segmenter.quietest(round(within_s * ASR_SAMPLE_RATE_HZ / window_samples))
        cut = TurnEnded(
            start_sample=self._piece_start,
            end_sample=at,
            ended_by=EndedBy.LENGTH,
            complete=False,
        )
        self._piece_start = at
        return cut

    def _end(self, ended_by: EndedBy) -> TurnEnded:
        ended = TurnEnded(
            start_sample=self._piece_start,
            end_sample=max(self._turn_end, self._piece_start),
            ended_by=ended_by,
        )
        self._turn_start = None
        self._wait_ms = None
        return ended
