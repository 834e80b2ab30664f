"""What a caller says while there is no session for it."""

from voice_agent.remote.audio_backlog import AudioBacklog

SECOND = b"\0" * 32_000


def test_audio_comes_out_in_order_with_the_place_it_has() -> None:
    kept = AudioBacklog(max_s=10)
    kept.passed(SECOND * 3)
    kept.add(b"a" * 32_000)
    kept.add(b"b" * 16_000)
    assert (kept.start_s, kept.end_s) == (3.0, 4.5)
    assert [kept.next(), kept.next(), kept.next()] == [b"a" * 32_000, b"b" * 16_000, None]
    assert (kept.start_s, kept.end_s) == (4.5, 4.5)


def test_the_oldest_of_too_much_is_dropped() -> None:
    kept = AudioBacklog(max_s=2)
    for letter in (b"a", b"b", b"c"):
        kept.add(letter * 32_000)
    assert (kept.start_s, kept.end_s) == (1.0, 3.0)
    assert kept.next() == b"b" * 32_000
