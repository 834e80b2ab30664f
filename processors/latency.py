"""Where the time goes between the caller's last word and the first audio of the answer."""

import time
from collections.abc import Callable

from pipecat.frames.frames import Frame, InterruptionFrame, LLMTextFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent import metrics
from voice_agent.frames import (
    AnswerContinuesFrame,
    AnswerEndFrame,
    AnswerStartFrame,
    FinalFrame,
    PhraseAudioFrame,
    SegmentPauseFrame,
    SegmentStartFrame,
    ServerMessageFrame,
    SpokenAudioFrame,
    TurnEndFrame,
)
from voice_agent.wire.agent import Latency, Stage


class LatencyMeter(FrameProcessor):
    """Stands last before the output and pushes one `latency` message an answer.

    Stages, in order: `silence` (the caller's last word to the pause being sure), `turn`
    (judging whether the caller has finished, and waiting if not), `final`, `llm` (to its
    first text), `speech` (to the first audio). A turn that ended without a pause has no
    `silence` and no `turn`, and typed text no `final` either.

    Args:
        session_id: Whose answers they are.
        clock: Seconds, monotonic.
    """

    def __init__(self, *, session_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(name=f"LatencyMeter#{session_id}", enable_direct_mode=True)
        self._clock = clock
        self._turn: int | None = None
        self._wrote = False
        # of what the caller says, which may be said into an answer that goes on
        self._asking = _Waterfall(clock)
        self._answering = self._asking

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Notes when things happen; passes everything on."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        self._follow_caller(frame)
        await self._follow_answer(frame)

    def _follow_caller(self, frame: Frame) -> None:
        match frame:
            case SegmentStartFrame():
                self._asking = _Waterfall(self._clock)
            case SegmentPauseFrame():
                silence = _stage("silence", frame.silence_s)
                self._asking = _Waterfall(self._clock, silence)
            case TurnEndFrame() if self._asking.stages:
                self._asking.mark("turn")
            case TurnEndFrame():
                # no pause came before: the client ended it, or fell silent
                self._asking = _Waterfall(self._clock)
            case FinalFrame() if frame.turn_complete:
                self._asking.mark("final")
            case _:
                pass

    async def _follow_answer(self, frame: Frame) -> None:
        match frame:
            case AnswerStartFrame(asked=False) | PhraseAudioFrame():
                pass
            case AnswerStartFrame() | AnswerContinuesFrame():
                self._answering = _Waterfall(self._clock) if frame.typed else self._asking
                self._asking = _Waterfall(self._clock)
                self._turn = frame.turn
                self._wrote = False
            case LLMTextFrame() if self._turn is not None and not self._wrote:
                self._wrote = True
                self._answering.mark("llm")
            case SpokenAudioFrame() if self._turn is not None:
                self._answering.mark("speech")
                await self._report(self._turn)
            case InterruptionFrame() | AnswerEndFrame():
                self._turn = None
            case _:
                pass

    async def _report(self, turn: int) -> None:
        stages, self._turn = self._answering.stages, None
        for stage in stages:
            metrics.turn_stage_s.labels(stage.name).observe(stage.ms / 1000)
        await self.push_frame(ServerMessageFrame(message=Latency(turn=turn, stages=stages)))


class _Waterfall:
    """Stages that follow each other from now on."""

    def __init__(self, clock: Callable[[], float], *stages: Stage) -> None:
        self._clock = clock
        self._last_s = clock()
        self.stages = list(stages)

    def mark(self, name: str) -> None:
        """A stage is over."""
        now_s = self._clock()
        self.stages.append(_stage(name, now_s - self._last_s))
        self._last_s = now_s


def _stage(name: str, seconds: float) -> Stage:
    return Stage(name=name, ms=round(seconds * 1000, 1))
