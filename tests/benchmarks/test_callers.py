"""What a caller says, and where in the audio."""

import numpy as np

from benchmarks.callers import PAUSE_S, script
from benchmarks.speech import Clip


def _clip(name: str, seconds: float) -> Clip:
    loud = np.full(round(seconds * 16_000), 5_000, np.int16)
    return Clip(name, np.concatenate([loud, np.zeros(1_600, np.int16)]), name)


def test_every_clip_is_said_in_every_round_after_a_pause() -> None:
    made = script([_clip("a", 0.5), _clip("b", 0.8)], seed=3, rounds=2)
    assert sorted(said.clip.name for said in made.said) == ["a", "a", "b", "b"]
    assert made.said[0].start_s == PAUSE_S
    for before, after in zip(made.said, made.said[1:], strict=False):
        assert after.start_s == before.start_s + before.clip.seconds + PAUSE_S
    for said in made.said:
        at = round(said.end_s * 16_000)
        assert abs(int(made.audio[at - 10])) > 4_000  # the last word ends here
        assert abs(int(made.audio[at + 10])) < 10


def test_callers_speak_in_different_orders_and_the_same_again() -> None:
    speech = [_clip(str(n), 0.2) for n in range(6)]

    def order(seed: int) -> list[str]:
        return [said.clip.name for said in script(speech, seed).said]

    assert order(1) == order(1)
    assert order(1) != order(2)
