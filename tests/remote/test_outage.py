"""What is due while a service is away."""

from voice_agent.remote.outage import Due, Outage


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def outage(clock: Clock) -> Outage:
    return Outage(filler_after_s=0.7, give_up_s=15, clock=clock)


def test_nothing_is_due_while_the_service_is_there() -> None:
    assert outage(Clock()).due(waiting=True) is Due.NOTHING


def test_a_filler_is_due_once_and_only_when_somebody_waits() -> None:
    clock = Clock()
    absence = outage(clock)
    assert absence.lost()
    clock.now_s += 0.6
    assert absence.due(waiting=True) is Due.NOTHING
    clock.now_s += 0.2
    assert absence.due(waiting=False) is Due.NOTHING
    assert absence.due(waiting=True) is Due.FILLER
    clock.now_s += 5
    assert absence.due(waiting=True) is Due.NOTHING


def test_the_next_absence_has_a_filler_of_its_own() -> None:
    clock = Clock()
    absence = outage(clock)
    for _ in range(2):
        assert absence.lost()
        clock.now_s += 1
        assert absence.due(waiting=True) is Due.FILLER
        assert absence.restored()
        assert not absence.restored()


def test_an_absence_that_is_told_again_is_the_same() -> None:
    clock = Clock()
    absence = outage(clock)
    absence.lost()
    clock.now_s += 3
    assert not absence.lost()
    assert absence.away_s == 3


def test_it_is_given_up_once_and_whoever_waits() -> None:
    clock = Clock()
    absence = outage(clock)
    absence.lost()
    clock.now_s += 15
    assert absence.due(waiting=False) is Due.GIVE_UP
    assert absence.given_up
    clock.now_s += 60
    assert absence.due(waiting=True) is Due.NOTHING
    assert absence.restored()
    assert not absence.given_up
