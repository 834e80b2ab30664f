import numpy as np

from voice_agent.audio.g711 import mulaw_encode
from voice_agent.client.call_delays import turns

HZ = 8_000


def line(duration_s: float, *spoken: tuple[float, float]) -> bytes:
    """µ-law with sound from … to."""
    samples = np.zeros(round(duration_s * HZ), np.int16)
    for start_s, end_s in spoken:
        n_samples = round((end_s - start_s) * HZ)
        samples[round(start_s * HZ) :][:n_samples] = 5000 * (-1) ** np.arange(n_samples)
    return mulaw_encode(samples)


def found(sent: bytes, heard: bytes) -> list[tuple[float, float]]:
    return [(round(t.stopped_s, 2), round(t.answered_s, 2)) for t in turns(sent, heard)]


def test_every_turn_has_its_delay() -> None:
    sent = line(10, (1, 2), (2.4, 3), (6, 7))
    heard = line(10, (4, 5), (7.5, 9))
    assert found(sent, heard) == [(3.0, 4.0), (7.0, 7.5)]
    assert [round(turn.delay_s, 2) for turn in turns(sent, heard)] == [1.0, 0.5]


def test_a_pause_in_an_answer_is_no_answer() -> None:
    assert found(line(10, (1, 2)), line(10, (3, 4), (4.2, 5), (6, 7))) == [(2.0, 3.0)]


def test_an_answer_that_nobody_asked_for_is_no_turn() -> None:
    assert found(line(5), line(5, (1, 2))) == []
    # a cough
    assert found(line(5, (1, 1.06)), line(5, (2, 3))) == []


def test_nothing_is_no_turn() -> None:
    assert found(b"", b"") == []
    assert found(line(3, (1, 2)), line(3)) == []
