from voice_agent.client.twilio_listener import CallListener


def test_audio_is_heard_in_pieces_of_any_length_and_then_silence() -> None:
    ear = CallListener()
    for piece in (b"a" * 100, b"b" * 300, b""):
        assert ear.add(piece)
    assert ear.hear(160) == (b"a" * 100 + b"b" * 60, [])
    assert ear.hear(160) == (b"b" * 160, [])
    assert ear.busy
    assert ear.hear(160) == (b"b" * 80 + b"\xff" * 80, [])
    assert not ear.busy
    assert ear.hear(160) == (b"\xff" * 160, [])


def test_a_mark_comes_back_when_all_before_it_was_heard() -> None:
    ear = CallListener()
    assert ear.mark("at once") is True
    ear.add(b"a" * 320)
    assert ear.mark("later") is False
    ear.add(b"b" * 160)
    assert ear.hear(160)[1] == []
    assert ear.hear(160)[1] == ["later"]
    assert ear.hear(160) == (b"b" * 160, [])


def test_a_clear_brings_all_marks_back() -> None:
    ear = CallListener()
    ear.add(b"a" * 320)
    ear.mark("1")
    ear.add(b"b")
    ear.mark("2")
    assert ear.clear() == ["1", "2"]
    assert not ear.busy
    assert ear.hear(160) == (b"\xff" * 160, [])


def test_more_than_twilio_keeps_is_dropped() -> None:
    ear = CallListener()
    minute = b"a" * 60 * 8_000
    assert [ear.add(minute) for _ in range(11)] == [True] * 10 + [False]
    ear.hear(160)
    assert ear.add(b"a" * 160)
