import pytest

from voice_agent.client.reconnecting import Backoff, Endpoints
from voice_agent.errors import SettingsError

A, B, C = (f"ws://{name}/ws" for name in "abc")


def test_ceilings_double_up_to_the_last_one_and_each_wait_is_drawn_below() -> None:
    backoff = Backoff()
    ceilings = [backoff.delay_s(attempt, 1.0) for attempt in range(9)]
    assert ceilings == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0])
    assert backoff.delay_s(10_000, 0.5) == 2.5
    assert backoff.delay_s(3, 0.0) == 0.0


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_addresses_are_tried_in_the_order_given_but_the_last_one_first() -> None:
    endpoints = Endpoints(["a", "b", "c"])
    assert endpoints.order() == [A, B, C]
    assert endpoints.order(B) == [B, A, C]


def test_who_keeps_failing_comes_last_for_a_while_and_is_not_left_out() -> None:
    clock = Clock()
    endpoints = Endpoints(["a", "b"], clock=clock)
    for _ in range(2):
        endpoints.failed(A)
    assert endpoints.order() == [A, B]
    endpoints.failed(A)
    assert endpoints.order() == [B, A]
    assert endpoints.order(A) == [A, B]  # its session may be gone on with
    clock.now_s += 5
    assert endpoints.order() == [A, B]
    endpoints.failed(A)
    assert endpoints.order() == [B, A]
    endpoints.succeeded(A)
    assert endpoints.order() == [A, B]


@pytest.mark.parametrize("urls", [[], [""], ["ws://a", "ftp://b"]])
def test_what_is_no_address_is_refused(urls: list[str]) -> None:
    with pytest.raises(SettingsError):
        Endpoints(urls)
