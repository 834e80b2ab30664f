import json

import pytest

from transports.replay_buffer import ReplayBuffer

KIB = 1024


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def log(max_bytes: int = 100 * KIB, max_age_s: float = 30.0) -> tuple[ReplayBuffer, Clock]:
    clock = Clock()
    return ReplayBuffer(max_bytes=max_bytes, max_age_s=max_age_s, clock=clock), clock


def test_messages_are_numbered_and_found_again() -> None:
    sent, _ = log()
    sent.append('{"type":"ready"}')
    sent.append('{"type":"audio_chunk"}', b"sound", 0.5)
    first, second = sent.after(0), sent.after(1)
    assert first is not None
    assert second is not None
    assert json.loads(first.text) == {"type": "ready", "seq": 1}
    assert (json.loads(second.text)["seq"], second.payload) == (2, b"sound")
    assert sent.after(2) is None


@pytest.mark.parametrize(("seq", "reached"), [(0, True), (1, True), (3, True), (4, False)])
def test_it_reaches_back_to_what_it_keeps_and_not_into_the_future(seq: int, reached: bool) -> None:
    sent, _ = log()
    for _ in range(3):
        sent.append("{}")
    assert sent.reaches(seq) is reached


def test_what_is_too_old_goes_if_it_was_written() -> None:
    sent, clock = log(max_age_s=30)
    for _ in range(4):
        sent.append("{}")
        clock.now_s += 10
    sent.trim(written_seq=1)
    assert (sent.reaches(0), sent.reaches(1)) == (False, True)
    sent.trim(written_seq=1)
    assert sent.reaches(1)
    clock.now_s += 100
    sent.trim(written_seq=3)
    assert (sent.reaches(2), sent.reaches(3)) == (False, True)
    sent.trim(written_seq=4)
    assert sent.reaches(4)
    assert not sent.reaches(3)


def test_what_is_too_much_goes_but_not_the_newest_and_not_what_was_not_written() -> None:
    sent, _ = log(max_bytes=10 * KIB)
    for _ in range(5):
        sent.append("{}", bytes(4 * KIB))
    assert sent.full
    sent.trim(written_seq=2)
    assert sent.reaches(2)
    assert not sent.reaches(1)
    sent.append("{}", bytes(50 * KIB))
    sent.trim(written_seq=6)
    assert sent.reaches(5)
    assert not sent.reaches(4)


def test_it_knows_how_much_audio_is_held_back() -> None:
    sent, _ = log()
    for _ in range(4):
        sent.append("{}", b"x", 0.4)
        sent.append("{}")
    assert sent.audio_after_s(8) == 0
    assert sent.audio_after_s(0) == pytest.approx(1.6)
    assert sent.audio_after_s(3) == pytest.approx(0.8)
    sent.trim(written_seq=4)
    assert sent.audio_after_s(6) == pytest.approx(0.4)


def test_many_small_messages_are_too_much_too() -> None:
    sent, _ = log(max_bytes=1 << 30)
    for _ in range(5000):
        sent.append("{}")
    assert sent.full
    sent.trim(written_seq=5000)
    assert not sent.reaches(800)
    assert sent.reaches(1000)
