"""How long to wait before a service is tried again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential back-off with full jitter.

    Each wait is drawn evenly between nothing and a ceiling that doubles, so that clients
    which lost the same service do not come back together: of the ways compared in "Exponential
    Backoff And Jitter" (M. Brooker, AWS Architecture Blog, 2015) the one with the least work
    for both sides.

    Attributes:
        first_s: The first ceiling; a service that was only started again is back soon.
        factor: From one ceiling to the next.
        most_s: The last ceiling.
        give_up_s: Away for this long, it is given up.
    """

    first_s: float = 0.1
    factor: float = 2.0
    most_s: float = 5.0
    give_up_s: float = 30.0

    def delay_s(self, attempt: int, draw: float) -> float:
        """What to wait before another attempt.

        Args:
            attempt: 0 after the first that failed.
            draw: Random, from 0 up to 1.
        """
        ceiling_s = self.first_s
        for _ in range(attempt):
            if ceiling_s >= self.most_s:
                break
            ceiling_s *= self.factor
        return draw * min(ceiling_s, self.most_s)
