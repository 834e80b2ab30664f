from pipecat.frames.frames import Frame, InterruptionFrame, LLMTextFrame

from processors.latency import LatencyMeter
from tests.processors.chain import Chain, chained
from voice_agent.frames import (
    AnswerStartFrame,
    FinalFrame,
    SegmentPauseFrame,
    SegmentStartFrame,
    ServerMessageFrame,
    SpokenAudioFrame,
    TurnEndFrame,
)
from voice_agent.turns.turn import EndedBy
from voice_agent.wire.agent import Latency

AUDIO = SpokenAudioFrame(b"\0\0", 24_000, 1)
FINAL = FinalFrame(text="hello", user_id="", timestamp="")


class Clock:
    """Goes on by 0.1 s for each frame."""

    now_s = 5000.0

    def __call__(self) -> float:
        return self.now_s


async def play(chain: Chain, clock: Clock, *frames: Frame) -> list[list[tuple[str, float]]]:
    for frame in frames:
        clock.now_s += 0.1
        await chain.send(frame)
    messages = [frame.message for frame in chain.down.of(ServerMessageFrame)]
    return [
        [(stage.name, round(stage.ms)) for stage in message.stages]
        for message in messages
        if isinstance(message, Latency)
    ]


def turn_end(ended_by: EndedBy = EndedBy.SMART_TURN) -> TurnEndFrame:
    return TurnEndFrame(start_sample=0, end_sample=1, ended_by=ended_by, complete=True)


async def test_every_stage_of_a_spoken_turn_is_told_once() -> None:
    clock = Clock()
    async with chained(LatencyMeter(session_id="s", clock=clock)) as chain:
        pause = SegmentPauseFrame(end_sample=1, silence_s=0.2)
        told = await play(chain, clock, SegmentStartFrame(), pause, turn_end(), FINAL)
        assert told == []
        told = await play(
            chain, clock, AnswerStartFrame(turn=1), LLMTextFrame("a"), LLMTextFrame("b"), AUDIO
        )
        assert told == [
            [("silence", 200), ("turn", 100), ("final", 100), ("llm", 200), ("speech", 200)]
        ]
        assert await play(chain, clock, AUDIO) == told


async def test_typed_text_has_no_stages_of_speech() -> None:
    clock = Clock()
    async with chained(LatencyMeter(session_id="s", clock=clock)) as chain:
        # speech that was no question came before
        pause = SegmentPauseFrame(end_sample=1, silence_s=0.2)
        await play(chain, clock, SegmentStartFrame(), pause, turn_end(), FINAL)
        start = AnswerStartFrame(turn=1, typed=True)
        told = await play(chain, clock, start, LLMTextFrame("a"), AUDIO)
    assert told == [[("llm", 100), ("speech", 100)]]


async def test_a_turn_without_a_pause_is_counted_from_its_end() -> None:
    clock = Clock()
    async with chained(LatencyMeter(session_id="s", clock=clock)) as chain:
        told = await play(
            *(chain, clock, SegmentStartFrame(), turn_end(EndedBy.CLIENT), FINAL),
            *(AnswerStartFrame(turn=1), LLMTextFrame("a"), AUDIO),
        )
    assert told == [[("final", 100), ("llm", 200), ("speech", 100)]]


async def test_an_interrupted_answer_is_not_measured() -> None:
    clock = Clock()
    async with chained(LatencyMeter(session_id="s", clock=clock)) as chain:
        start = AnswerStartFrame(turn=1, typed=True)
        assert await play(chain, clock, start, InterruptionFrame(), AUDIO) == []


async def test_a_cough_before_the_answer_changes_nothing() -> None:
    clock = Clock()
    async with chained(LatencyMeter(session_id="s", clock=clock)) as chain:
        pause = SegmentPauseFrame(end_sample=1, silence_s=0.2)
        turn = (SegmentStartFrame(), pause, turn_end(), FINAL)
        told = await play(chain, clock, *turn, AnswerStartFrame(turn=1), *turn)
        told = await play(chain, clock, LLMTextFrame("a"), AUDIO)
        assert told == [
            [("silence", 200), ("turn", 100), ("final", 100), ("llm", 600), ("speech", 100)]
        ]
        await play(chain, clock, *turn, AnswerStartFrame(turn=2), LLMTextFrame("a"), AUDIO)
        assert len(chain.down.of(ServerMessageFrame)) == 2
