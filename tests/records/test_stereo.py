import numpy as np
from numpy.typing import NDArray

from voice_agent.records.clock import SessionClock
from voice_agent.records.stereo import StereoMix

HZ = 1_000
CALLER, AGENT = 100, 200


class Wall:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Call:
    """A mix whose caller speaks all the time."""

    def __init__(self) -> None:
        self.wall = Wall()
        self.mix = StereoMix(SessionClock(self.wall, HZ))
        self.taken: list[NDArray[np.int16]] = []

    def passes(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.wall.now_s = round(self.wall.now_s + 0.1, 6)
            self.mix.hear(np.full(HZ // 10, CALLER, np.int16))

    def says(self, seconds: float, value: int = AGENT) -> None:
        self.mix.speak(np.full(round(seconds * HZ), value, np.int16))

    def sound(self) -> NDArray[np.int16]:
        self.taken.append(self.mix.take())
        return np.concatenate(self.taken)


def where(side: NDArray[np.int16], value: int = AGENT) -> tuple[int, int, int]:
    """First and last place of a value, and how often it is there."""
    [places] = np.nonzero(side == value)
    return int(places[0]), int(places[-1]) + 1, len(places)


def test_an_answer_lies_where_it_was_heard() -> None:
    call = Call()
    call.passes(2)
    call.says(1)
    call.passes(3)
    left, right = call.sound().T
    assert len(left) == 5000
    assert set(left) == {CALLER}
    assert where(right) == (2000, 3000, 1000)


def test_pieces_that_are_sent_ahead_follow_each_other() -> None:
    call = Call()
    for _ in range(4):
        call.says(1)
    call.passes(2)
    call.sound()
    call.passes(4)
    assert where(call.sound()[:, 1]) == (0, 4000, 4000)


def test_a_piece_that_comes_late_leaves_a_pause() -> None:
    call = Call()
    call.says(0.5, 1)
    call.passes(1)
    call.says(0.5, 2)
    call.passes(1)
    right = call.sound()[:, 1]
    assert where(right, 1) == (0, 500, 500)
    assert where(right, 2) == (1000, 1500, 500)


def test_what_an_interruption_kept_from_being_heard_is_not_there() -> None:
    call = Call()
    call.says(1)
    call.says(5)
    call.says(5)
    call.passes(2.5)
    call.mix.clear()
    call.passes(0.5)
    call.says(1, 7)
    call.passes(2)
    right = call.sound()[:, 1]
    assert where(right) == (0, 2500, 2500)
    assert where(right, 7) == (3000, 4000, 1000)


def test_clear_of_nothing_is_nothing() -> None:
    call = Call()
    call.mix.clear()
    call.passes(1)
    call.says(0.5)
    call.passes(1)
    call.mix.clear()
    call.passes(1)
    assert where(call.sound()[:, 1]) == (1000, 1500, 500)


def test_it_is_the_same_however_often_it_is_taken() -> None:
    whole, pieces = Call(), Call()
    chance = np.random.default_rng(3)
    for _ in range(200):
        seconds, what = float(chance.integers(1, 8)) / 10, chance.integers(0, 8)
        for call in (whole, pieces):
            if what < 3:
                call.says(seconds * 2)
            elif what == 3:
                call.mix.clear()
            call.passes(seconds)
        pieces.sound()
    np.testing.assert_array_equal(whole.sound(), pieces.sound())


def test_a_muted_caller_does_not_hold_the_agent_up() -> None:
    call = Call()
    call.passes(1)
    call.says(2)
    call.wall.now_s += 3
    left, right = call.sound().T
    assert where(left, CALLER) == (0, 1000, 1000)
    assert where(right) == (1000, 3000, 2000)
    call.passes(1)
    left, _ = call.sound().T
    assert len(left) == 5000
    assert where(left, CALLER) == (0, 5000, 2000)


def test_memory_is_given_back() -> None:
    call = Call()
    for _ in range(100):
        call.says(0.5)
        call.passes(1)
        call.mix.take()
    assert not call.mix._agent  # pyright: ignore[reportPrivateUsage]
