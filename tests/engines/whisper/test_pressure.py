import pytest

from tests.engines.whisper.scripted_model import ScriptedClock
from voice_agent.engines.whisper.load_shedder import LoadShedder


def pressed(late_s: float, clock: ScriptedClock, times: int = 40) -> LoadShedder:
    pressure = LoadShedder(clock)
    for _ in range(times):
        pressure.note(late_s)
    return pressure


@pytest.mark.parametrize(
    ("late_s", "level", "stretch"),
    [(0.0, 0, 1), (0.2, 0, 1), (0.3, 1, 2), (0.6, 2, 4), (1.2, 3, 0), (3.0, 4, 0)],
)
def test_the_later_jobs_are_the_more_gives_way(late_s: float, level: int, stretch: int) -> None:
    pressure = pressed(late_s, ScriptedClock())
    assert (pressure.level, pressure.partial_stretch) == (level, stretch)


def test_one_late_batch_takes_one_step_at_most() -> None:
    assert pressed(0.5, ScriptedClock(), times=1).level == 0
    assert pressed(60.0, ScriptedClock(), times=1).level == 1


def test_waiting_for_more_jobs_begins_when_partials_are_rare() -> None:
    waits = [pressed(late_s, ScriptedClock()).gather_s for late_s in (0.0, 0.3, 0.6, 1.2, 3.0)]
    assert waits[:2] == [0, 0]
    assert 0 < waits[2] <= waits[3] <= waits[4] <= 0.05


def test_a_step_is_taken_back_after_five_quiet_seconds_each() -> None:
    clock = ScriptedClock()
    pressure = pressed(3.0, clock)
    levels: list[int] = []
    for _ in range(5):
        clock.now_s += 4.9
        levels.append(pressure.level)
        clock.now_s += 0.1
        levels.append(pressure.level)
    assert levels == [4, 3, 3, 2, 2, 1, 1, 0, 0, 0]


def test_nothing_is_taken_back_while_jobs_are_still_late() -> None:
    clock = ScriptedClock()
    pressure = pressed(0.3, clock)
    for _ in range(100):
        clock.now_s += 0.5
        pressure.note(0.2)
        assert pressure.level == 1


def test_short_waits_count_as_quiet() -> None:
    clock = ScriptedClock()
    pressure = pressed(3.0, clock)
    for _ in range(70):
        clock.now_s += 0.5
        pressure.note(0.01)
    assert pressure.level == 0


def test_a_long_calm_counts_although_nobody_looked() -> None:
    clock = ScriptedClock()
    pressure = pressed(3.0, clock)
    clock.now_s += 60
    pressure.note(0.2)
    assert pressure.level == 0


def test_after_a_calm_it_takes_lateness_again_to_step_up() -> None:
    clock = ScriptedClock()
    pressure = pressed(3.0, clock)
    clock.now_s += 60
    assert pressure.level == 0
    pressure.note(0.1)
    assert pressure.level == 0
    for _ in range(10):
        pressure.note(0.4)
    assert pressure.level == 1
