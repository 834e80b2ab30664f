from voice_agent.client.reconnecting.timeline_merger import TimelineMerger
from voice_agent.wire.asr import (
    AsrServerMessage,
    Configured,
    EndedBy,
    Final,
    Partial,
    SpeechEnd,
    SpeechStart,
    Word,
)


def start(at_s: float) -> SpeechStart:
    return SpeechStart(timestamp=at_s)


def end(at_s: float) -> SpeechEnd:
    return SpeechEnd(timestamp=at_s, turn_complete=False)


def partial(at_s: float) -> Partial:
    return Partial(text="hello", committed=0, confidence=1.0, timestamp=at_s)


def final(start_s: float, end_s: float, ended_by: EndedBy = "smart_turn") -> Final:
    word = Word(word="hello", start=start_s, end=end_s, confidence=1.0)
    return Final(
        text="hello",
        start=start_s,
        end=end_s,
        confidence=1.0,
        language="en",
        turn_complete=True,
        ended_by=ended_by,
        revised=0,
        words=[word],
    )


CONFIGURED = Configured(
    sample_rate=16_000,
    channels=1,
    encoding="auto",
    language="en",
    model="",
    partials=True,
    words=True,
    prompt="",
    hotwords=[],
    turn_detection="smart_turn",
    silence_ms=1600,
)


def told(hearing: TimelineMerger, *messages: AsrServerMessage) -> list[AsrServerMessage]:
    return [told for message in messages if (told := hearing.take(message)) is not None]


def test_one_session_is_passed_on_as_it_is() -> None:
    messages = [start(1), partial(1.5), end(2), start(2.1), end(3), final(0.9, 3), start(3), end(4)]
    assert told(TimelineMerger(), *messages) == messages


def test_another_session_counts_from_zero_and_nobody_sees_it() -> None:
    hearing = TimelineMerger()
    told(hearing, start(10))
    hearing.begins(9.5)
    hearing.configuring()
    expected = [partial(11), end(12), final(10.0, 12)]
    messages = [CONFIGURED, start(0.52), partial(1.5), end(2.5), final(0.5, 2.5)]
    assert told(hearing, *messages) == expected
    assert told(hearing, CONFIGURED) == [CONFIGURED]  # somebody asked for that one


def test_segments_that_were_told_are_not_told_again() -> None:
    hearing = TimelineMerger()
    told(hearing, start(1), end(2), start(2.5))
    hearing.begins(0.5)
    messages = [start(0.5), end(1.53), start(2.04), end(3.5), start(4), end(5)]
    assert told(hearing, *messages) == [end(4), start(4.5), end(5.5)]


def test_starts_and_ends_alternate_also_where_two_sessions_disagree() -> None:
    hearing = TimelineMerger()
    told(hearing, start(1), end(2))
    hearing.begins(0.5)
    # what was two segments is one now; what is told of it begins with the next
    assert told(hearing, start(0.5), end(4), start(5), end(6)) == [start(5.5), end(6.5)]


def test_audio_that_is_missing_moves_what_comes_after_it() -> None:
    hearing = TimelineMerger()
    hearing.skips(10.0, 4.0)
    assert told(hearing, start(9), end(11)) == [start(9), end(15)]
    hearing.skips(20.0, 1.0)
    assert told(hearing, start(15), end(16.5)) == [start(19), end(21.5)]


def test_the_open_turn_is_needed_and_a_little_before_it() -> None:
    hearing = TimelineMerger()
    assert hearing.needs_from_s(0.3) == 0.0
    assert hearing.needs_from_s(7.0) == 6.0
    told(hearing, start(8), end(9), start(9.2))
    assert hearing.needs_from_s(20.0) == 7.5
    told(hearing, final(7.9, 9.0))  # of what was before; another has begun
    assert hearing.needs_from_s(20.0) == 9.0
    told(hearing, end(10), final(9.1, 10))
    assert hearing.needs_from_s(20.0) == 19.0
    assert hearing.needs_from_s(10.5) == 10.0


def test_a_final_that_was_asked_for_is_needed_until_it_has_come() -> None:
    hearing = TimelineMerger()
    hearing.asked(3.0)
    assert hearing.needs_from_s(20.0) == 3.0
    assert hearing.needs_finalize(3.0)
    told(hearing, final(2.0, 2.9))
    assert hearing.needs_finalize(3.0)
    told(hearing, final(3.0, 3.0, "client"))
    assert not hearing.needs_finalize(3.0)
    assert hearing.needs_from_s(20.0) == 19.0
