import numpy as np
import pytest

from transports.twilio.depacketizer import Depacketizer
from voice_agent.audio.g711 import mulaw_encode
from voice_agent.wire.twilio import Media

HZ = 16_000


def media(sequence: int | None, at_ms: int | None, ulaw: bytes = b"\xff" * 160) -> Media:
    return Media(stream_sid="MZ0", ulaw=ulaw, sequence=sequence, at_ms=at_ms)


def seconds_of(audio: Depacketizer, messages: list[Media]) -> float:
    """How much comes out."""
    pieces = [audio.push(message) for message in messages] + [audio.take()]
    return sum(len(piece) for piece in pieces if piece is not None) / HZ


def in_order(n: int, first: int = 2) -> list[Media]:
    return [media(first + i, 20 * i) for i in range(n)]


def test_audio_comes_out_in_pieces_of_the_length_asked_for() -> None:
    audio = Depacketizer(gather_ms=64)
    pieces = [audio.push(message) for message in in_order(9)]
    lengths = [None if piece is None else len(piece) / HZ for piece in pieces]
    assert [length is None for length in lengths] == [True, True, False] * 3
    # the first lacks what the resampler holds back
    assert lengths[2] == pytest.approx(0.06, abs=0.003)
    assert lengths[5] == lengths[8] == 0.06


def test_the_resampler_adds_less_than_10_ms() -> None:
    click = np.zeros(800, np.int16)
    click[400] = 20_000
    audio = Depacketizer(gather_ms=20)
    ulaw = mulaw_encode(click)
    pieces = [audio.push(media(i, None, ulaw[i * 160 : i * 160 + 160])) for i in range(5)]
    out = np.concatenate([piece for piece in pieces if piece is not None])
    assert abs(int(np.abs(out).argmax()) - 800) <= 1
    assert len(out) / HZ > 0.1 - 0.010


@pytest.mark.parametrize(
    ("missing", "filled_s"), [(1, 0.02), (5, 0.1), (10, 0.2), (50, 0.2), (10_000, 0.2)]
)
def test_a_gap_is_filled_with_up_to_200_ms(missing: int, filled_s: float) -> None:
    audio = Depacketizer(gather_ms=20)
    messages = [*in_order(5), media(7 + missing, 100 + 20 * missing)]
    assert seconds_of(audio, messages) == pytest.approx(0.12 + filled_s, abs=0.004)
    assert audio.filled_s == pytest.approx(filled_s)
    assert audio.n_gaps == 1


def test_a_gap_without_times_is_filled_by_its_numbers() -> None:
    audio = Depacketizer(gather_ms=20)
    assert seconds_of(audio, [media(1, None), media(5, None)]) == pytest.approx(0.1, abs=0.004)


def test_messages_that_were_no_audio_leave_no_hole() -> None:
    audio = Depacketizer(gather_ms=20)
    messages = [media(2, 0), media(9, 20)]
    assert seconds_of(audio, messages) == pytest.approx(0.04, abs=0.004)
    for sequence in range(10, 20):
        assert audio.note(sequence) == 0


@pytest.mark.parametrize(
    "sequences", [[2, 2, 2], [5, 4, 3, 2], [7, 1, 2, 3], [None, None], [2, None, 3]]
)
def test_numbers_out_of_order_lose_nothing_and_fill_nothing(sequences: list[int | None]) -> None:
    audio = Depacketizer(gather_ms=20)
    messages = [media(sequence, None) for sequence in sequences]
    assert seconds_of(audio, messages) == pytest.approx(0.02 * len(sequences), abs=0.004)
    assert audio.filled_s == 0


@pytest.mark.parametrize("at_ms", [60_000, 0, None])
def test_a_clock_that_jumps_changes_nothing(at_ms: int | None) -> None:
    audio = Depacketizer(gather_ms=20)
    messages = [*in_order(5), media(7, at_ms), media(8, 120)]
    assert seconds_of(audio, messages) == pytest.approx(0.14, abs=0.004)
    assert audio.filled_s == 0


def test_a_burst_comes_out_whole() -> None:
    audio = Depacketizer(gather_ms=64)
    burst = media(2, 0, b"\xff" * 16_000)
    piece = audio.push(burst)
    assert piece is not None
    assert len(piece) / HZ == pytest.approx(2.0, abs=0.004)
