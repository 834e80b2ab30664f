"""What the engine keeps of a turn between its jobs, and what a partial of it shows."""

from dataclasses import dataclass

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, RecognizeJob
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.model import AUTO

# a detected language is kept for the rest of the turn once it was heard in this much
_LANGUAGE_KNOWN_S = 2.0
# a partial leaves out settled audio once the turn is this long (what of 12 s is not silence),
# but keeps this much of it
_TRIM_ABOVE_S = 10.0
_KEEP_S = 4.0


@dataclass(slots=True)
class Turn:
    """What is kept of a turn between its jobs.

    Attributes:
        language: What was detected, once enough was heard.
        language_probability: How sure it is.
        next_partial_s: Length of the turn before which there is no room for a partial.
        says_twice: Whether a final has confirmed that a phrase was said twice.
    """

    language: str = ""
    language_probability: float | None = None
    next_partial_s: float = 0.0
    says_twice: bool = False

    def hear(self, hypothesis: Hypothesis) -> None:
        """Takes what a final or a partial says of the turn as a whole."""
        self.says_twice |= hypothesis.says_again and not hypothesis.doubtful
        if hypothesis.language_probability is None:
            return
        self.language_probability = hypothesis.language_probability
        if hypothesis.audio_s >= _LANGUAGE_KNOWN_S:
            self.language = hypothesis.language

    def language_for(self, job: RecognizeJob) -> str:
        """The job's, or what was detected before if it asks for that."""
        return self.language if job.language == AUTO and self.language else job.language

    def shown(self, hypothesis: Hypothesis) -> Hypothesis | None:
        """What a partial shows; None if that would take good words off the screen.

        A phrase that comes twice is shown once until a final has confirmed it.
        """
        if hypothesis.unsure or hypothesis.silent:
            return None
        if not hypothesis.says_again:
            return None if hypothesis.made_up else hypothesis.cleaned()
        return (
            hypothesis if self.says_twice and not hypothesis.looping else hypothesis.before_loop()
        )


def left_out(job: RecognizeJob) -> int:
    """Samples of settled audio that a partial of a long turn need not hear again."""
    length_s = len(job.samples) / ASR_SAMPLE_RATE_HZ
    if length_s <= _TRIM_ABOVE_S:
        return 0
    return round(max(0.0, min(job.settled_s, length_s - _KEEP_S)) * ASR_SAMPLE_RATE_HZ)
