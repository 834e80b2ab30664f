import random

from hypothesis import given
from hypothesis import strategies as st

from voice_agent.client.reconnecting.outbox import Outbox, Outgoing


class Session:
    """What a service has received of an outbox: a network that loses what is under way."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.received: list[bytes | str] = []
        self._under_way: list[bytes | str] = []

    def write(self) -> None:
        frame = self.outbox.take()
        if frame is not None:
            self._under_way.append(frame.data)

    def arrive(self) -> None:
        if self._under_way:
            self.received.append(self._under_way.pop(0))

    def cut(self) -> None:
        self._under_way.clear()


def audio(number: int) -> Outgoing:
    return Outgoing(data=bytes([number]), start_s=float(number), duration_s=1.0)


def filled(n: int, max_kept_s: float = 100.0) -> Outbox:
    outbox = Outbox(max_kept_s=max_kept_s)
    for number in range(n):
        outbox.append(audio(number))
    return outbox


@given(st.lists(st.sampled_from(["append", "write", "arrive", "confirm", "cut"]), max_size=120))
def test_every_frame_arrives_once_and_in_order(steps: list[str]) -> None:
    outbox = Outbox(max_kept_s=1000)
    session = Session(outbox)
    n = 0
    for step in [*steps, "cut", *["write", "arrive"] * 130]:
        match step:
            case "append":
                outbox.append(audio(n))
                n += 1
            case "write":
                session.write()
            case "arrive":
                session.arrive()
            case "confirm":
                if session.received:
                    outbox.confirm(len(session.received) - 1)
                    outbox.forget(lambda _: True)
            case _:
                session.cut()
                assert outbox.resume(len(session.received)) is None
    assert session.received == [bytes([number]) for number in range(n)]


def test_what_is_dropped_is_missing_and_nothing_else_is() -> None:
    chance = random.Random(5)
    for _ in range(300):
        outbox = Outbox(max_kept_s=5)
        session = Session(outbox)
        lost_s = 0.0
        n = chance.randint(10, 60)
        for number in range(n):
            outbox.append(audio(number))
            away = chance.random() < 0.5
            outbox.squeeze(unwritten=away)
            if away:
                session.cut()
                if chance.random() < 0.2:
                    lost = outbox.resume(len(session.received))
                    lost_s += lost.duration_s if lost else 0.0
            else:
                session.cut()
                lost = outbox.resume(len(session.received))
                lost_s += lost.duration_s if lost else 0.0
                for _ in range(chance.randint(0, 6)):
                    session.write()
                for _ in range(chance.randint(0, 6)):
                    session.arrive()
        session.cut()
        lost = outbox.resume(len(session.received))
        lost_s += lost.duration_s if lost else 0.0
        for _ in range(10):
            session.write()
            session.arrive()
        numbers = [data[0] for data in session.received if isinstance(data, bytes)]
        assert numbers == sorted(set(numbers))
        assert len(numbers) + lost_s == n


def test_it_says_which_audio_is_lost() -> None:
    outbox = filled(3, max_kept_s=4)
    for _ in range(3):
        outbox.take()
    for number in range(3, 9):
        outbox.append(audio(number))
        outbox.squeeze(unwritten=True)
    lost = outbox.resume(1)
    assert lost is not None
    assert (lost.start_s, lost.duration_s) == (1.0, 4.0)
    frame = outbox.take()
    assert frame is not None
    assert frame.data == bytes([5])


def test_a_long_absence_is_remembered_as_one_gap() -> None:
    outbox = filled(3, max_kept_s=4)
    outbox.take()
    for number in range(3, 1000):
        outbox.append(audio(number % 256))
        outbox.squeeze(unwritten=True)
    assert len(outbox._doubtful) == 2  # pyright: ignore[reportPrivateUsage]
    lost = outbox.resume(1)
    assert lost is not None
    assert (lost.start_s, lost.duration_s) == (1.0, 995.0)


def test_what_is_confirmed_is_known_and_what_is_needed_stays() -> None:
    outbox = filled(6)
    for _ in range(5):
        outbox.take()
    assert (outbox.confirmed_s, outbox.unconfirmed_s) == (0.0, 6.0)
    outbox.confirm(3)
    assert (outbox.confirmed_s, outbox.unconfirmed_s) == (4.0, 2.0)
    dropped = outbox.forget(lambda frame: frame.end_s <= 2)
    assert [frame.start_s for frame in dropped] == [0.0, 1.0]
    assert outbox.first_audio is not None
    assert outbox.first_audio.start_s == 2.0
    outbox.confirm(5)
    outbox.forget(lambda _: True)
    assert (outbox.confirmed_s, outbox.unconfirmed_s) == (6.0, 0.0)


def test_another_session_gets_what_is_kept_after_its_opening() -> None:
    outbox = filled(5)
    session = Session(outbox)
    for _ in range(4):
        session.write()
    dropped = outbox.restart([Outgoing(data="config")], lambda frame: frame.start_s >= 2)
    assert [frame.start_s for frame in dropped] == [0.0, 1.0]
    another = Session(outbox)
    for _ in range(3):
        another.write()
        another.arrive()
    another.cut()
    assert outbox.resume(2) is None  # frame 2 of this session did not arrive after all
    another.received.pop()
    for _ in range(5):
        another.write()
        another.arrive()
    assert another.received == ["config", bytes([2]), bytes([3]), bytes([4])]
