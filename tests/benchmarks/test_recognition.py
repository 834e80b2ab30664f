"""How prompts are dealt to sessions, and how memory is judged."""

import numpy as np

from benchmarks.recognition import dealt, lasting
from benchmarks.recognition_report import growth
from benchmarks.speech import Clip


def _clips(n: int) -> list[Clip]:
    loud = np.full(8_000, 5_000, np.int16)
    return [Clip(str(number), loud, str(number)) for number in range(n)]


def test_every_prompt_is_said_and_nobody_says_more_than_the_others() -> None:
    hands = [[said.clip.name for said in each.said] for each in dealt(_clips(100), 30)]
    assert {len(hand) for hand in hands} == {4}
    assert {name for hand in hands for name in hand} == {str(number) for number in range(100)}


def test_callers_speak_for_as_long_as_was_asked() -> None:
    assert all(590 < each.seconds < 620 for each in lasting(_clips(4), 2, minutes=10))


def test_memory_is_compared_after_the_first_minutes() -> None:
    memory = [[minute / 10, 500.0 + (300.0 if minute >= 20 else 0.0)] for minute in range(100)]
    memory[-5:] = [[9.9, 808.0]] * 5
    first, last, grown = growth(memory)
    assert (first, last) == (800.0, 808.0)
    assert abs(grown - 1.0) < 1e-9
