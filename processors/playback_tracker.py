"""Follows an answer to the caller's ear: paces it, holds it, and knows what was heard of it."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from pipecat.frames.frames import Frame, InterruptionFrame, LLMTextFrame, TTSStoppedFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.frames import (
    AnswerContinuesFrame,
    AnswerEndFrame,
    AnswerHeldFrame,
    AnswerOverFrame,
    AnswerStartFrame,
    ClientMessageFrame,
    HoldFrame,
    PresenceFrame,
    ResumeFrame,
    SpokenAudioFrame,
)
from voice_agent.turns.playback import REPEAT_AT_MOST_S, Playback
from voice_agent.wire.agent import Playback as PlaybackReport
from voice_agent.wire.asr import Close

# how often it is looked at whether audio has been played
_LOOK_AT_LEAST_S = 0.02
_LOOK_AT_MOST_S = 0.2


@dataclass(frozen=True, slots=True)
class _Sent:
    start_s: float
    end_s: float
    frame: SpokenAudioFrame


class PlaybackTracker(FrameProcessor):
    """Stands between the voice and the output; owns the answer that is being heard.

    Holds audio back while the client has `max_ahead_s` unplayed. Pushes `AnswerEndFrame`
    both ways once the answer was heard to its end, or after an `InterruptionFrame`. From a
    `HoldFrame` to a `ResumeFrame` nothing of the answer passes; then what the client has
    dropped is sent again, from the beginning of the word that was cut. A `close` waits for the
    end of the answer.

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
        super().__init__(name=f"PlaybackTracker#{session_id}", enable_direct_mode=True)
        self._max_ahead_s = max_ahead_s
        self._clock = clock
        self._turn: int | None = None
        self._text = ""
        self._playback = Playback(clock)
        # what may have to be sent again: at most `max_ahead_s` and a little
        self._sent: deque[_Sent] = deque()
        self._flows = asyncio.Event()  # the answer is not held
        self._flows.set()
        self._resending = asyncio.Lock()
        self._ending: asyncio.Task[None] | None = None
        self._closing: Frame | None = None
        self._away = False  # the client's connection is lost: it plays nothing new

    @property
    def ahead_s(self) -> float:
        """Audio that was sent and is not heard yet, in seconds."""
        return self._playback.ahead_s

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follows the answer; passes everything on."""
        await super().process_frame(frame, direction)
        match frame:
            case SpokenAudioFrame():
                await self._pace()
                async with self._resending:
                    await self._send(frame)
                return
            case ResumeFrame():
                await self._resume()
                return
            case ClientMessageFrame(message=Close()) if self._turn is not None:
                self._closing = frame  # the answer is due to whoever asked
                return
            case _:
                await self._follow(frame)
        await self.push_frame(frame, direction)
        match frame:
            case HoldFrame():
                await self._hold()
            case InterruptionFrame() if direction is FrameDirection.DOWNSTREAM:
                await self._stop_waiting()
                await self._end(interrupted=True)
            case _:
                pass

    async def _follow(self, frame: Frame) -> None:
        match frame:
            case AnswerStartFrame():
                await self._stop_waiting()
                self._turn, self._text = frame.turn, ""
                self._playback = Playback(self._clock)
                if self._away:
                    self._playback.hold()
                self._sent.clear()
                self._flows.set()
            case AnswerContinuesFrame():
                await self._stop_waiting()
            case LLMTextFrame():
                await self._flows.wait()  # bounded: whoever holds it resumes or interrupts
                self._text += frame.text
            case ClientMessageFrame(message=PlaybackReport() as report):
                self._playback.reported(report.played_ms / 1000)
            case PresenceFrame(here=here):
                self._away = not here
                if self._flows.is_set():
                    (self._playback.go_on if here else self._playback.hold)()
            case TTSStoppedFrame():
                self._ending = self.create_task(self._end_when_heard())
            case _:
                pass

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
            await self._flows.wait()
            left_s = surplus_s()
            if left_s <= 0:
                return
            await asyncio.sleep(min(max(left_s, _LOOK_AT_LEAST_S), _LOOK_AT_MOST_S))

    async def _send(self, frame: SpokenAudioFrame) -> None:
        start_s = self._playback.sent_s
        seconds = frame.num_frames / frame.sample_rate
        self._playback.sent(seconds, frame.text_start, frame.text_end)
        self._sent.append(_Sent(start_s, start_s + seconds, frame))
        kept_from_s = self._playback.played_s - REPEAT_AT_MOST_S
        while self._sent[0].end_s < kept_from_s:
            self._sent.popleft()
        await self.push_frame(frame)

    async def _hold(self) -> None:
        if self._turn is None or not self._flows.is_set():
            return
        self._flows.clear()
        self._playback.hold()
        left_s = self._playback.ahead_s if self._ending is not None else math.inf
        heard = self._playback.heard(self._text)
        held = AnswerHeldFrame(heard_text=heard, left_s=left_s)
        await self.push_frame(held, FrameDirection.UPSTREAM)

    async def _resume(self) -> None:
        if self._flows.is_set():
            return
        async with self._resending:
            again_s = self._playback.rewind(self._text)
            again = [_after(again_s, sent) for sent in self._sent if sent.end_s > again_s]
            again = [frame for frame in again if frame.num_frames]
            self._sent.clear()
            await self.push_frame(ResumeFrame(played_s=self._playback.sent_s))
            self._flows.set()
            for frame in again:
                await self._send(frame)

    async def _end(self, *, interrupted: bool) -> None:
        if self._turn is None:
            return
        turn, self._turn = self._turn, None
        heard = self._playback.heard(self._text)
        self._flows.set()
        await self.push_frame(AnswerOverFrame(turn=turn), FrameDirection.UPSTREAM)
        for direction in (FrameDirection.DOWNSTREAM, FrameDirection.UPSTREAM):
            end = AnswerEndFrame(turn=turn, interrupted=interrupted, heard_text=heard)
            await self.push_frame(end, direction)
        closing, self._closing = self._closing, None
        if closing is not None:
            await self.push_frame(closing)


def _after(at_s: float, sent: _Sent) -> SpokenAudioFrame:
    """The part of a frame after a time."""
    frame = sent.frame
    part = max(0.0, (at_s - sent.start_s) / (sent.end_s - sent.start_s))
    if part == 0:
        return frame
    n_samples = round(part * frame.num_frames)
    n_chars = round(part * (frame.text_end - frame.text_start))
    width_bytes = 2 * frame.num_channels
    return replace(
        frame,
        audio=frame.audio[n_samples * width_bytes :],
        text_start=frame.text_start + n_chars,
    )
