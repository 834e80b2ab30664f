"""Whose window is made next: the order of speeches, without any waiting."""

from voice_agent.engines.base import Priority
from voice_agent.engines.piper.synthesis_job import SynthesisJob


class FairScheduler:
    """The open speeches.

    Higher priority first; within it, whose listener would first have nothing to hear. Of one
    that has not begun that is the moment it came, so first windows go before all windows of
    those who have something to hear, and after nobody who has been waiting for longer. A speech
    whose reader is `ahead_s` behind waits until it has read.

    Args:
        max_speeches: Full: nothing more is admitted, so that callers hear of overload at once.
        ahead_s: Audio that may wait for a reader before the next window is made.
    """

    def __init__(self, *, max_speeches: int, ahead_s: float) -> None:
        self._max_speeches = max_speeches
        self._ahead_s = ahead_s
        self._speeches: list[SynthesisJob] = []

    def __len__(self) -> int:
        return len(self._speeches)

    def admit(self, speech: SynthesisJob) -> bool:
        """Adds a speech; False if there is no room."""
        if len(self._speeches) >= self._max_speeches:
            return False
        self._speeches.append(speech)
        return True

    def remove(self, speech: SynthesisJob) -> None:
        """Forgets a speech; one that is not there is no error."""
        if speech in self._speeches:
            self._speeches.remove(speech)

    def speeches(self) -> list[SynthesisJob]:
        """All of them, the oldest first."""
        return list(self._speeches)

    def next(self) -> SynthesisJob | None:
        """The speech whose window is made next; None if there is nothing to make."""
        due = [speech for speech in self._speeches if self._is_due(speech)]
        return min(due, key=_rank, default=None)

    def _is_due(self, speech: SynthesisJob) -> bool:
        behind = speech.waiting_s >= self._ahead_s
        return not (speech.busy or behind or speech.passage is None)


def _rank(speech: SynthesisJob) -> tuple[Priority, float]:
    return speech.job.priority, speech.due_s
