"""What a session's pipeline writes into."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.records.clock import SessionClock
from voice_agent.records.record import EndedBy, Record, ended_by
from voice_agent.records.stereo import StereoMix
from voice_agent.records.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Sound:
    """What is recorded, and the file that it goes into."""

    mix: StereoMix
    path: Path


class SessionRecord:
    """A record that is being made.

    Args:
        record: Its beginning.
        words: Keep the times of the caller's words.
        audio: File to record the sound into; None records none.
        clock: Seconds, monotonic.

    Attributes:
        ended_by: Who ended the session, if that is known by other ways than its close code.
    """

    def __init__(
        self,
        record: Record,
        *,
        words: bool,
        audio: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = SessionClock(clock, ASR_SAMPLE_RATE_HZ)
        self.transcript = Transcript(record, self.clock, words=words)
        self.sound = None if audio is None else Sound(StereoMix(self.clock), audio)
        self.ended_by: EndedBy | None = None
        self._record = record
        if audio is not None:
            record.audio = audio.name

    def no_sound(self) -> None:
        """Gives up on recording: nothing can be written."""
        self.sound = None
        self._record.audio = None
        self.transcript.error("recording")

    def end(self, close_code: int | None) -> Record:
        """The whole record.

        Args:
            close_code: What we closed the connection with; None if the client left.
        """
        self._record.duration_s = round(self.clock.now_s, 3)
        self._record.close_code = close_code
        self._record.ended_by = self.ended_by or ended_by(close_code)
        return self._record
