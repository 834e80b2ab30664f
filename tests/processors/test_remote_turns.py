"""What the ASR service says becomes the frames of a detector and a recogniser here."""

from typing import Any

from pipecat.frames.frames import (
    Frame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
)

from processors.remote_turns import TurnFrames
from voice_agent.frames import (
    FinalFrame,
    PartialFrame,
    SegmentEndFrame,
    SegmentPauseFrame,
    SegmentStartFrame,
    ServerMessageFrame,
    TurnEndFrame,
)
from voice_agent.turns.turn import EndedBy
from voice_agent.wire.asr import Final, Partial, SpeechEnd, SpeechStart, Word
from voice_agent.wire.common import Degraded, Draining, Pong


def final(end: float, **values: Any) -> Final:
    given: dict[str, Any] = {
        "text": "yes please",
        "start": 1.0,
        "end": end,
        "confidence": 0.9,
        "language": "en",
        "turn_complete": True,
        "ended_by": "smart_turn",
        "revised": 0,
        "words": [Word(word="yes", start=1.1, end=1.4, confidence=0.9)],
    }
    return Final(**{**given, **values})


def told(frames: TurnFrames, *messages: Any, heard_s: float = 3.0) -> list[Frame]:
    return [frame for message in messages for frame in frames.of(message, heard_s=heard_s)]


END = SpeechEnd(timestamp=2.0, turn_complete=True, turn_probability=0.9)
UNSURE = SpeechEnd(timestamp=2.0, turn_complete=False, turn_probability=0.2)
START = SpeechStart(timestamp=1.0)


def test_a_turn_is_told_in_the_order_of_a_pipeline_of_our_own() -> None:
    partial = Partial(text="yes", committed=0, confidence=0.5, timestamp=1.5, at_pause=True)
    frames = TurnFrames("s")
    out = told(frames, START, partial, END)
    assert [frame.at_pause for frame in out if isinstance(frame, PartialFrame)] == [True]
    assert frames.turn_open
    out += told(frames, final(2.0))
    assert [type(frame) for frame in out] == [
        ProposedUserStartedSpeakingFrame,
        SegmentStartFrame,
        PartialFrame,
        SegmentPauseFrame,
        SegmentEndFrame,
        TurnEndFrame,
        FinalFrame,
        ProposedUserStoppedSpeakingFrame,
    ]
    pause = next(frame for frame in out if isinstance(frame, SegmentPauseFrame))
    assert (pause.end_sample, pause.silence_s) == (32_000, 1.0)
    assert not frames.turn_open


def test_a_turn_that_silence_ends_is_over_with_its_final() -> None:
    out = told(TurnFrames("s"), START, UNSURE, final(2.0, ended_by="silence"))
    end, last, _ = out[-3:]
    assert isinstance(end, TurnEndFrame)
    assert (end.start_sample, end.end_sample, end.ended_by) == (16_000, 32_000, EndedBy.SILENCE)
    assert isinstance(last, FinalFrame)
    assert len([frame for frame in out if isinstance(frame, TurnEndFrame)]) == 1


def test_speech_that_sounds_complete_ends_no_turn_before_its_final() -> None:
    frames = TurnFrames("s")
    out = told(
        frames, START, END, SpeechStart(timestamp=2.4), SpeechEnd(timestamp=3.0, turn_complete=True)
    )
    assert not [frame for frame in out if isinstance(frame, TurnEndFrame)]
    out = told(frames, final(3.0))
    (end,) = [frame for frame in out if isinstance(frame, TurnEndFrame)]
    assert (end.start_sample, end.end_sample) == (16_000, 48_000)


def test_times_are_those_of_this_session() -> None:
    frames = TurnFrames("s")
    frames.begin(10.0)
    start, last = told(frames, START)[1], told(frames, END, final(2.0), heard_s=12.5)[-2]
    assert isinstance(start, SegmentStartFrame)
    assert isinstance(last, FinalFrame)
    assert (start.at_s, last.start_s, last.end_s, last.words[0].start_s) == (11, 11, 12, 11.1)


def test_a_turn_that_begins_before_a_slow_final_stays_open() -> None:
    frames = TurnFrames("s")
    told(frames, START, END, SpeechStart(timestamp=2.5), final(2.0))
    assert frames.turn_open
    silent = TurnFrames("s")
    told(silent, START, UNSURE, SpeechStart(timestamp=4.0), final(2.0, ended_by="silence"))
    assert silent.turn_open


def test_a_part_of_a_long_turn_leaves_it_open() -> None:
    frames = TurnFrames("s")
    told(frames, START, final(20.0, turn_complete=False, ended_by="length"))
    assert frames.turn_open


def test_only_what_concerns_the_caller_is_passed_on() -> None:
    degraded = Degraded(what="partials", reason="busy")
    out = told(TurnFrames("s"), degraded, Draining(deadline_ms=1), Pong(id=1))
    assert [frame.message for frame in out if isinstance(frame, ServerMessageFrame)] == [degraded]
    assert len(out) == 1
