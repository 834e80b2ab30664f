import pytest

from transports.twilio.playout import LEAD_S, MAX_WAITING_S, Playout
from voice_agent.wire.twilio import FRAME_BYTES, FRAME_S

IN_HAND = round(LEAD_S / FRAME_S)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def playout(clock: Clock) -> Playout:
    return Playout(clock)


def frames(n: int, fill: bytes = b"a") -> bytes:
    return fill * (n * FRAME_BYTES)


def taken(playout: Playout) -> list[bytes | str]:
    """All that is due now."""
    found: list[bytes | str] = []
    while (item := playout.take()) is not None:
        found.append(item)
    return found


def test_frames_have_20_ms_whatever_comes(playout: Playout) -> None:
    for piece in (b"a" * 100, b"b" * 100, b"c" * 115):
        playout.add(piece)
    playout.finish()
    first, second = taken(playout)
    assert first == b"a" * 100 + b"b" * 60
    assert second == b"b" * 40 + b"c" * 115 + b"\xff" * 5
    playout.finish()
    assert taken(playout) == []


def test_frames_follow_an_absolute_clock(playout: Playout, clock: Clock) -> None:
    playout.add(frames(1000))
    began_s = clock.now_s
    sent = len(taken(playout))
    assert sent == IN_HAND
    # a loop that is always a little late loses nothing
    while clock.now_s < began_s + 10:
        wait_s = playout.wait_s()
        assert wait_s is not None
        assert 0 < wait_s <= FRAME_S + 1e-9
        clock.now_s += wait_s + 0.007
        sent += len(taken(playout))
        assert sent * FRAME_S <= clock.now_s - began_s + LEAD_S + 1e-9
    assert sent * FRAME_S == pytest.approx(10 + LEAD_S, abs=2 * FRAME_S)


def test_a_stall_is_caught_up_with_and_leaves_no_delay(playout: Playout, clock: Clock) -> None:
    playout.add(frames(1000))
    taken(playout)
    clock.now_s += 0.15  # shorter than what the telephone has in hand
    assert len(taken(playout)) == 7
    clock.now_s += 3.0  # the telephone has run dry
    assert len(taken(playout)) == IN_HAND
    assert playout.take() is None
    clock.now_s += 1.0
    assert len(taken(playout)) == IN_HAND


def test_what_comes_in_real_time_goes_out_at_once(playout: Playout, clock: Clock) -> None:
    for _ in range(100):
        playout.add(frames(1))
        assert len(taken(playout)) == 1
        assert playout.wait_s() is None
        clock.now_s += FRAME_S


def test_a_mark_comes_after_its_audio_and_tells_what_was_played(
    playout: Playout, clock: Clock
) -> None:
    playout.begin()
    playout.add(frames(20))
    playout.mark()
    playout.add(frames(1))
    items: list[bytes | str] = []
    for _ in range(20):
        items += taken(playout)
        clock.now_s += 0.02
    *before, name, last = items
    assert len(before) == 20
    assert isinstance(name, str)
    assert isinstance(last, bytes)
    assert playout.returned(name) == ("played", pytest.approx(0.4))
    assert playout.returned(name) == ("unknown", None)


def test_a_mark_that_returns_after_a_clear_was_not_played(playout: Playout, clock: Clock) -> None:
    playout.begin()
    playout.add(frames(2))
    playout.mark()
    playout.add(frames(50))
    *_, sent_mark = [item for item in taken(playout) if isinstance(item, str)]
    assert playout.clear() is True
    assert taken(playout) == []
    assert playout.returned(sent_mark) == ("cleared", None)
    # the next answer starts at once, and its marks are good
    playout.begin()
    playout.add(frames(1))
    playout.mark()
    frame, name = taken(playout)
    assert isinstance(frame, bytes)
    assert isinstance(name, str)
    clock.now_s += 0.02
    assert playout.returned(name) == ("played", pytest.approx(0.02))


def test_a_mark_of_the_answer_before_tells_nothing_about_this_one(playout: Playout) -> None:
    playout.begin()
    playout.add(frames(1))
    playout.mark()
    _, name = taken(playout)
    playout.begin()
    assert playout.returned(str(name)) == ("played", None)


def test_a_clear_is_sent_only_if_something_was(playout: Playout) -> None:
    assert playout.clear() is False
    playout.add(frames(5))
    assert playout.clear() is False
    playout.add(frames(5))
    taken(playout)
    assert playout.clear() is True
    assert playout.clear() is False


def test_what_waits_is_bounded(playout: Playout) -> None:
    for _ in range(200):
        playout.add(frames(50))
    assert playout.dropped_s == pytest.approx(200 - MAX_WAITING_S, abs=1)
    for _ in range(2000):
        playout.mark()
    assert playout.returned("1") == ("unknown", None)
    assert playout.returned("2000")[0] == "played"


def test_ten_minutes_are_paced_to_their_end(playout: Playout, clock: Clock) -> None:
    began_s, n_sent, n_added = clock.now_s, 0, 0
    playout.begin()
    while n_sent < 30_000:
        # whoever speaks stays ten seconds ahead, as `tts.max_ahead_s` says
        while n_added < 30_000 and (n_added - n_sent) * FRAME_S < 10:
            playout.add(frames(20))
            playout.mark()
            n_added += 20
        n_sent += sum(isinstance(item, bytes) for item in taken(playout))
        # never far ahead, so that Twilio does not hold what an interruption could take back
        ahead_s = n_sent * FRAME_S - (clock.now_s - began_s)
        assert -1e-6 <= ahead_s <= LEAD_S + FRAME_S
        clock.now_s += playout.wait_s() or FRAME_S
    assert clock.now_s - began_s == pytest.approx(600, abs=0.3)
    assert playout.dropped_s == 0
