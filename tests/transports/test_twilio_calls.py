"""Tokens and live calls, without sockets: what time and number do to them."""

import pytest

from voice_agent.server.twilio.calls import TOKEN, Calls, Refused
from voice_agent.wire.twilio import Start


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def calls(clock: Clock) -> Calls:
    return Calls(clock, tokens_needed=True)


def stream(call_sid: str, token: str | None, **fields: object) -> Start:
    told = {"encoding": "audio/x-mulaw", "sample_rate_hz": 8000, "channels": 1} | fields
    parameters = {} if token is None else {TOKEN: token}
    return Start(stream_sid="MZ0", call_sid=call_sid, parameters=parameters, **told)  # pyright: ignore[reportArgumentType]


def refused(calls: Calls, start: Start) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        calls.admit(start)
    return caught.value.code, caught.value.reason


def test_a_token_is_old_after_a_minute(calls: Calls, clock: Clock) -> None:
    early, late = calls.issue("CA1"), calls.issue("CA2")
    clock.now_s += 59
    calls.admit(stream("CA1", early))
    clock.now_s += 2
    assert refused(calls, stream("CA2", late)) == (1008, "token")


def test_a_call_is_live_until_it_is_over(calls: Calls) -> None:
    calls.admit(stream("CA1", calls.issue("CA1")))
    assert calls.is_live("CA1")
    assert refused(calls, stream("CA1", calls.issue("CA1"))) == (1008, "live")
    calls.over("CA1")
    assert not calls.is_live("CA1")
    calls.admit(stream("CA1", calls.issue("CA1")))


def test_audio_of_another_format_does_not_use_the_token_up(calls: Calls) -> None:
    token = calls.issue("CA1")
    assert refused(calls, stream("CA1", token, sample_rate_hz=16_000)) == (1003, "format")
    calls.admit(stream("CA1", token))


def test_tokens_are_few_for_a_call_and_bounded_in_all(calls: Calls, clock: Clock) -> None:
    tokens = [calls.issue("CA1") for _ in range(5)]
    assert len({*tokens}) == 5
    assert refused(calls, stream("CA1", tokens[0])) == (1008, "token")
    calls.admit(stream("CA1", tokens[4]))
    many = [calls.issue(f"CA{number}") for number in range(10, 3000)]
    assert many.count(None) > 900
    clock.now_s += 61
    assert calls.issue("CA3001") is not None


def test_streams_that_say_nothing_are_bounded(calls: Calls) -> None:
    waiting = [calls.waiting() for _ in range(256)]
    for one in waiting:
        one.__enter__()
    with pytest.raises(Refused) as caught, calls.waiting():
        pass
    assert caught.value.code == 1013
    for one in waiting:
        one.__exit__(None, None, None)
    with calls.waiting():
        pass


def test_without_need_a_token_may_be_missing_and_not_wrong(clock: Clock) -> None:
    calls = Calls(clock, tokens_needed=False)
    calls.admit(stream("CA1", None))
    assert refused(calls, stream("CA2", "wrong")) == (1008, "token")
