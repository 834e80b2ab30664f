"""Who may speak the next clause: the fair order of speeches, without any waiting."""

from voice_agent.engines.base import Priority
from voice_agent.engines.espeak.synthesis_job import SynthesisJob


class FairScheduler:
    """Lets one clause through at a time.

    Higher priority first; within it the session that has waited longest since its last
    clause; within a session the oldest job. A speech whose reader is `ahead_samples`
    behind waits until it has read.

    Args:
        max_jobs: Full: nothing more is admitted, so that callers hear of overload at once.
        ahead_samples: How much audio may wait for a reader before the next clause.
    """

    def __init__(self, *, max_jobs: int, ahead_samples: int) -> None:
        self._max_jobs = max_jobs
        self._ahead_samples = ahead_samples
        self._speeches: dict[int, SynthesisJob] = {}
        self._last_turn: dict[str, int] = {}  # of each session with a speech
        self._turn = 0

    def __len__(self) -> int:
        return len(self._speeches)

    def admit(self, speech: SynthesisJob) -> bool:
        """Adds a speech; False if there is no room."""
        if len(self._speeches) >= self._max_jobs:
            return False
        self._speeches[speech.number] = speech
        # one that comes anew waits for those that were here, not they for it
        self._last_turn.setdefault(speech.job.session_id, self._turn)
        return True

    def remove(self, speech: SynthesisJob) -> None:
        """Forgets a speech; one that is not there is no error."""
        self._speeches.pop(speech.number, None)
        session_id = speech.job.session_id
        if all(other.job.session_id != session_id for other in self._speeches.values()):
            self._last_turn.pop(session_id, None)

    def speeches(self) -> list[SynthesisJob]:
        """All of them, the oldest first."""
        return list(self._speeches.values())

    def next(self) -> SynthesisJob | None:
        """The speech whose next clause is due, or None if all wait for their readers."""
        due = [
            speech
            for speech in self._speeches.values()
            if speech.has_clauses and speech.waiting_samples < self._ahead_samples
        ]
        if not due:
            return None
        speech = min(due, key=self._rank)
        self._turn += 1
        self._last_turn[speech.job.session_id] = self._turn
        return speech

    def _rank(self, speech: SynthesisJob) -> tuple[Priority, int, int]:
        return speech.job.priority, self._last_turn[speech.job.session_id], speech.number
