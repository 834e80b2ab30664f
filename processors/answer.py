"""Follows an answer to the caller's ear: paces it, and knows what was heard of it."""

import asyncio
import time
from collections.abc import Callable

from pipecat.frames.frames import Frame, InterruptionFrame, LLMTextFrame, TTSStoppedFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.frames import (
    AnswerContinuesFrame,
    AnswerEndFrame,
    AnswerStartFrame,
    ClientMessageFrame,
    SpokenAudioFrame,
)
from voice_agent.turns.playback import Playback
from voice_agent.wire.agent import Playback as PlaybackReport

# how often it is looked at whether audio has been played
_LOOK_AT_LEAST_S = 0.02
_LOOK_AT_MOST_S = 0.2


class AnswerTracker(FrameProcessor):
    """Stands between the voice and the output; owns the answer that is being heard.

    Holds audio back while the client has `max_ahead_s` unplayed. Pushes `AnswerEndFrame`
    both ways once the answer was heard to its end, or after an `InterruptionFrame`.

    Args:
        session_id: Whose answers they are.
        max_ahead_s: Audio the client may have in hand.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        *,
        session_id: str,
        max_ahead_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name=f"AnswerTracker#{session_id}", enable_direct_mode=True)
        self._max_ahead_s = max_ahead_s
        self._clock = clock
        self._turn: int | None = None
        self._text = ""
        self._playback = Playback(clock)
        self._ending: asyncio.Task[None] | None = None

    @property
    def ahead_s(self) -> float:
        """Audio that was sent and is not heard yet, in seconds."""
        return self._playback.ahead_s

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follows the answer; passes everything on."""
        await super().process_frame(frame, direction)
        match frame:
            case AnswerStartFrame():
                await self._stop_waiting()
                self._turn, self._text = frame.turn, ""
                self._playback = Playback(self._clock)
            case AnswerContinuesFrame():
                await self._stop_waiting()
            case LLMTextFrame():
                self._text += frame.text
            case SpokenAudioFrame():
                await self._pace()
                seconds = frame.num_frames / frame.sample_rate
                self._playback.sent(seconds, frame.text_start, frame.text_end)
            case ClientMessageFrame(message=PlaybackReport() as report):
                self._playback.reported(report.played_ms / 1000)
            case TTSStoppedFrame():
                self._ending = self.create_task(self._end_when_heard())
            case _:
                pass
        await self.push_frame(frame, direction)
        if isinstance(frame, InterruptionFrame) and direction is FrameDirection.DOWNSTREAM:
            await self._stop_waiting()
            await self._end(interrupted=True)

    async def cleanup(self) -> None:
        """Stops waiting for the end of an answer."""
        await super().cleanup()
        await self._stop_waiting()

    async def _stop_waiting(self) -> None:
        ending, self._ending = self._ending, None
        if ending is not None and not ending.done():
            await self.cancel_task(ending)

    async def _pace(self) -> None:
        await self._until_ahead(lambda: self._playback.ahead_s - self._max_ahead_s)

    async def _end_when_heard(self) -> None:
        await self._until_ahead(lambda: self._playback.ahead_s)
        self._ending = None
        await self._end(interrupted=False)

    async def _until_ahead(self, surplus_s: Callable[[], float]) -> None:
        """Waits until nothing is left to play; reports may change how long that takes."""
        while True:
            left_s = surplus_s()
            if left_s <= 0:
                return
            await asyncio.sleep(min(max(left_s, _LOOK_AT_LEAST_S), _LOOK_AT_MOST_S))

    async def _end(self, *, interrupted: bool) -> None:
        if self._turn is None:
            return
        turn, self._turn = self._turn, None
        heard = self._playback.heard(self._text)
        for direction in (FrameDirection.DOWNSTREAM, FrameDirection.UPSTREAM):
            end = AnswerEndFrame(turn=turn, interrupted=interrupted, heard_text=heard)
            await self.push_frame(end, direction)
