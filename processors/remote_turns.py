"""What the ASR service says, as the frames that a turn detector and a recogniser push."""

from collections.abc import Iterator

from pipecat.frames.frames import (
    Frame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
)
from pipecat.utils.time import time_now_iso8601

from voice_agent import metrics
from voice_agent.client.reconnecting.events import ReconnectingEvent
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, TimedWord
from voice_agent.frames import (
    FinalFrame,
    PartialFrame,
    SegmentEndFrame,
    SegmentPauseFrame,
    SegmentStartFrame,
    ServerMessageFrame,
    TurnEndFrame,
)
from voice_agent.turns.turn import EndedBy
from voice_agent.wire.asr import AsrServerMessage, Final, Partial, SpeechEnd, SpeechStart
from voice_agent.wire.common import Degraded, Restored

_HZ = ASR_SAMPLE_RATE_HZ


class TurnFrames:
    """Messages in, frames out.

    Args:
        session_id: Whose audio it is.
    """

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._shift_s = 0.0
        self._start_s: float | None = None  # of the open turn
        self._proposed = False  # whether a turn was proposed to begin
        self._last_start_s = 0.0  # of a segment

    @property
    def turn_open(self) -> bool:
        """Whether something was said that no final has settled."""
        return self._start_s is not None

    def begin(self, at_s: float) -> None:
        """The service hears the audio from here on, and counts from there."""
        self._shift_s = at_s

    def of(
        self, message: AsrServerMessage | ReconnectingEvent, *, heard_s: float
    ) -> Iterator[Frame]:
        """The frames for a message; none for what is between this process and the service.

        Args:
            message: The message.
            heard_s: All audio of the session so far.
        """
        match message:
            case SpeechStart():
                yield from self._segment_start(message.timestamp + self._shift_s)
            case SpeechEnd():
                yield from self._segment_end(message, message.timestamp + self._shift_s, heard_s)
            case Partial():
                yield self._partial(message)
            case Final():
                yield from self._final(message)
            case Degraded() | Restored():
                yield ServerMessageFrame(message=message)
            case _:
                pass

    def _segment_start(self, at_s: float) -> Iterator[Frame]:
        self._last_start_s = at_s
        if self._start_s is None:
            self._start_s = at_s
        if not self._proposed:
            self._proposed = True
            yield ProposedUserStartedSpeakingFrame()
        yield SegmentStartFrame(at_s=round(at_s, 3))

    def _segment_end(self, end: SpeechEnd, at_s: float, heard_s: float) -> Iterator[Frame]:
        # the judge's time and the way there and back are in it: they are one for the caller
        silence_s = max(0.0, heard_s - at_s)
        yield SegmentPauseFrame(end_sample=round(at_s * _HZ), silence_s=round(silence_s, 3))
        yield SegmentEndFrame(
            at_s=round(at_s, 3),
            turn_complete=end.turn_complete,
            turn_probability=end.turn_probability,
            stop_secs=round(silence_s, 3),
        )

    def _turn_end(self, at_s: float, ended_by: EndedBy, *, complete: bool) -> TurnEndFrame:
        start_s = at_s if self._start_s is None else self._start_s
        return TurnEndFrame(
            start_sample=round(start_s * _HZ),
            end_sample=round(at_s * _HZ),
            ended_by=ended_by,
            complete=complete,
        )

    def _partial(self, partial: Partial) -> PartialFrame:
        return PartialFrame(
            text=partial.text,
            user_id=self._session_id,
            timestamp=time_now_iso8601(),
            committed_chars=partial.committed,
            confidence=partial.confidence,
            at_s=round(partial.timestamp + self._shift_s, 3),
            at_pause=partial.at_pause,
        )

    def _final(self, final: Final) -> Iterator[Frame]:
        ended_by = EndedBy(final.ended_by)
        end_s = final.end + self._shift_s
        yield self._turn_end(end_s, ended_by, complete=final.turn_complete)
        goes_on = not final.turn_complete or self._last_start_s > end_s
        self._start_s = max(self._last_start_s, end_s) if goes_on else None
        metrics.turns_total.labels(ended_by).inc()
        yield FinalFrame(
            text=final.text,
            user_id=self._session_id,
            timestamp=time_now_iso8601(),
            finalized=True,
            words=[
                TimedWord(
                    word=word.word,
                    start_s=round(word.start + self._shift_s, 3),
                    end_s=round(word.end + self._shift_s, 3),
                    confidence=word.confidence,
                )
                for word in final.words
            ],
            start_s=round(final.start + self._shift_s, 3),
            end_s=round(end_s, 3),
            confidence=final.confidence,
            spoken_language=final.language,
            language_probability=final.language_probability,
            turn_complete=final.turn_complete,
            ended_by=ended_by,
            revised_words=final.revised,
            error_code=final.error or "",
        )
        if final.turn_complete and self._proposed:
            self._proposed = False
            yield ProposedUserStoppedSpeakingFrame()
