import wave
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pipecat.frames.frames import InputAudioRawFrame, InterruptionFrame, LLMTextFrame

from processors.recorder import AgentRecorder, CallerRecorder
from tests.processors.chain import Chain, chained
from voice_agent.errors import EngineTimeout
from voice_agent.frames import (
    AnswerEndFrame,
    AnswerStartFrame,
    ClientMessageFrame,
    FinalFrame,
    HoldFrame,
    PhraseAudioFrame,
    ServerMessageFrame,
    SpokenAudioFrame,
)
from voice_agent.records.record import AgentTurn, CallerTurn, Record
from voice_agent.records.session import SessionRecord
from voice_agent.wire.agent import Latency, Stage, TypedText
from voice_agent.wire.common import Error

HZ = 16_000
HEARD = np.full(HZ // 10, 500, np.int16).tobytes()


class Wall:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Recorded:
    """A conversation in steps of 0.1 s."""

    def __init__(self, audio: Path | None = None) -> None:
        self.wall = Wall()
        began = datetime(2026, 1, 1, tzinfo=UTC)
        record = Record(id="s", service="agent", kind="wire", began=began)
        self.session = SessionRecord(record, words=False, audio=audio, clock=self.wall)
        self.caller, self.agent = CallerRecorder(self.session), AgentRecorder(self.session)

    async def passes(self, chain: Chain, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.wall.now_s += 0.1
            await chain.send(InputAudioRawFrame(HEARD, HZ, 1))


def spoken(seconds: float) -> SpokenAudioFrame:
    return SpokenAudioFrame(np.full(round(seconds * 24_000), 9000, np.int16).tobytes(), 24_000, 1)


def sides(path: Path) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    with wave.open(str(path)) as file:
        both = np.frombuffer(file.readframes(1 << 30), np.int16).reshape(-1, 2)
    return both[:, 0], both[:, 1]


async def test_all_that_is_said_is_written_down() -> None:
    it = Recorded()
    async with chained(it.caller, it.agent) as chain:
        await it.passes(chain, 1)
        await chain.send(FinalFrame(text="hello", user_id="", timestamp="", start_s=0.2, end_s=0.9))
        await chain.send(AnswerStartFrame(turn=1), LLMTextFrame("Hello "), LLMTextFrame("you."))
        await chain.send(PhraseAudioFrame(b"\0\0", 24_000, 1, words="One moment."), spoken(0.5))
        stages = [Stage(name="llm", ms=1.5)]
        await chain.send(ServerMessageFrame(message=Latency(turn=1, stages=stages)))
        await it.passes(chain, 1)
        await chain.send(AnswerEndFrame(turn=1, interrupted=True, heard_text="Hello"))
        await chain.send(ClientMessageFrame(message=TypedText(type="text", text="bye")))
        await chain.send(ServerMessageFrame(message=Error.of(EngineTimeout("too late"))))
        assert len(chain.down.frames) == 30
    record = it.session.end(None)
    hello, answer, bye = record.turns
    assert hello == CallerTurn(text="hello", start_s=0.2, end_s=0.9, confidence=0.0)
    assert answer == AgentTurn(
        turn=1,
        said="Hello you.",
        phrases=["One moment."],
        heard="Hello",
        interrupted=True,
        start_s=1.0,
        end_s=2.0,
        latency=stages,
    )
    assert (bye, record.errors, record.audio) == (
        CallerTurn(text="bye", start_s=2.0, end_s=2.0, typed=True),
        {"engine_timeout": 1},
        None,
    )


async def test_what_is_heard_is_recorded_until_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "s.wav"
    it = Recorded(path)
    async with chained(it.caller, it.agent) as chain:
        await it.passes(chain, 1)
        await chain.send(AnswerStartFrame(turn=1), spoken(2))
        await it.passes(chain, 1)
        # something is said, and the answer goes on after it
        await chain.send(HoldFrame())
        await it.passes(chain, 0.5)
        await chain.send(spoken(1))
        await it.passes(chain, 0.5)
        await chain.send(InterruptionFrame())
        await it.passes(chain, 1)
    left, right = sides(path)
    assert len(left) == 4 * HZ
    assert set(left) == {500}
    loud = np.abs(right) > 4000
    parts = [loud[:HZ], loud[HZ : 2 * HZ], loud[2 * HZ : 2 * HZ + HZ // 2]]
    parts += [loud[2 * HZ + HZ // 2 : 3 * HZ], loud[3 * HZ :]]
    assert [round(float(part.mean()), 1) for part in parts] == [0.0, 1.0, 0.0, 1.0, 0.0]
    assert it.session.end(1000).audio == "s.wav"


async def test_a_conversation_goes_on_when_it_cannot_be_recorded(tmp_path: Path) -> None:
    it = Recorded(tmp_path / "nowhere" / "s.wav")
    async with chained(it.caller, it.agent) as chain:
        await it.passes(chain, 1)
        await chain.send(AnswerStartFrame(turn=1), LLMTextFrame("Hello."), spoken(1))
    record = it.session.end(None)
    assert (record.audio, record.errors) == (None, {"recording": 1})
    assert isinstance(record.turns[0], AgentTurn)
    assert record.turns[0].said == "Hello."
