from dataclasses import dataclass

import pytest

from voice_agent.engines.circuit_breaker import CircuitBreaker
from voice_agent.errors import EngineUnavailable


@dataclass
class ScriptedClock:
    """Seconds that pass when the test says so."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def breaker(clock: ScriptedClock | None = None) -> CircuitBreaker:
    return CircuitBreaker(
        "scripted", max_failures=3, probe_every_s=5.0, clock=clock or ScriptedClock()
    )


def test_failures_in_a_row_open_it() -> None:
    guard = breaker()
    for _ in range(2):
        guard.failed()
        guard.check()
    assert not guard.open
    guard.failed()
    assert guard.open
    with pytest.raises(EngineUnavailable, match="scripted failed 3 times in a row"):
        guard.check()


def test_a_success_between_failures_keeps_it_closed() -> None:
    guard = breaker()
    for _ in range(5):
        guard.failed()
        guard.failed()
        guard.succeeded()
    guard.check()


def test_a_success_closes_it_and_the_count_begins_again() -> None:
    guard = breaker()
    for _ in range(7):
        guard.failed()
    guard.succeeded()
    guard.check()
    guard.failed()
    guard.failed()
    guard.check()


def test_it_says_when_the_engine_tries_itself_again() -> None:
    clock = ScriptedClock()
    guard = breaker(clock)
    for _ in range(3):
        guard.failed()
    assert retry_after_ms(guard) == 5000
    clock.now_s += 2
    assert retry_after_ms(guard) == 3000
    clock.now_s += 60
    assert retry_after_ms(guard) == 200
    guard.failed()
    assert retry_after_ms(guard) == 5000


def retry_after_ms(guard: CircuitBreaker) -> int | None:
    with pytest.raises(EngineUnavailable) as refused:
        guard.check()
    assert refused.value.retryable
    return refused.value.retry_after_ms
