from voice_agent.records.clock import SessionClock

HZ = 1_000
FRAME = 64


class Wall:
    now_s = 70.0

    def __call__(self) -> float:
        return self.now_s


def clock() -> tuple[SessionClock, Wall]:
    wall = Wall()
    return SessionClock(wall, HZ), wall


def talk(session: SessionClock, wall: Wall, seconds: float, *, late_s: float = 0.0) -> list[int]:
    """Audio as it comes; returns the silence that was put in."""
    found: list[int] = []
    for number in range(round(seconds * HZ / FRAME)):
        wall.now_s += FRAME / HZ + (late_s if number == 0 else 0.0)
        found.append(session.hear(FRAME))
    return found


def test_audio_in_real_time_is_the_time() -> None:
    session, wall = clock()
    assert set(talk(session, wall, 60)) == {0}
    assert session.heard_to == session.now == 938 * FRAME  # 60 s
    assert session.at_s(12.5) == 12.5


def test_a_little_too_late_is_only_the_network() -> None:
    session, wall = clock()
    assert set(talk(session, wall, 1, late_s=0.2)) == {0}


def test_a_muted_microphone_is_silence() -> None:
    session, wall = clock()
    talk(session, wall, 2)
    heard = session.heard_to
    assert talk(session, wall, 1, late_s=3.0)[0] == 3 * HZ
    # what is said after it lies after it, in audio that knows nothing of it
    assert session.at_s(1.0) == 1.0
    assert session.at_s(heard / HZ + 0.5) == heard / HZ + 3.5


def test_a_client_that_begins_late_has_silence_first() -> None:
    session, wall = clock()
    assert talk(session, wall, 1, late_s=2.0)[0] == 2 * HZ
    assert session.at_s(0.25) == 2.25


def test_a_question_from_a_file_is_before_its_answer() -> None:
    session, wall = clock()
    for _ in range(100):
        assert session.hear(HZ) == 0
    wall.now_s += 0.5
    assert session.now_s == 100.5
    # and it goes on in real time from there
    assert talk(session, wall, 1, late_s=1.0)[0] == 1500


def test_nothing_that_comes_is_told_too() -> None:
    session, wall = clock()
    talk(session, wall, 1)
    heard = session.heard_to
    wall.now_s += 0.1
    assert session.hear(0) == 0
    wall.now_s += 5
    assert session.hear(0) == 5100
    assert session.heard_to == heard + 5100
