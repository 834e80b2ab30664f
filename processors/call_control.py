"""Ends and transfers the call and presses keys, after the caller has heard what was being said."""

import asyncio
from collections import deque
from typing import Protocol

from loguru import logger
from pipecat.frames.frames import (
    Frame,
    OutputAudioRawFrame,
    OutputDTMFFrame,
    OutputDTMFUrgentFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.audio.dtmf import tones
from voice_agent.audio.pcm import float_to_int16
from voice_agent.frames import (
    AnswerEndFrame,
    AnswerStartFrame,
    HangUpFrame,
    PhraseFrame,
    SendKeysFrame,
    TransferFrame,
)

# the longest goodbye that is waited for
_HEARD_WITHIN_S = 30.0
# more is not waited for: who asks for so much has lost count
_MAX_DUE = 8
_MAX_KEYS = 64
# of a telephone line: key tones need no other rate
_KEYS_HZ = 8_000
# what the line has in hand when all of the tones was sent to it
_LINE_S = 0.3
APOLOGY = "I am sorry, I could not connect you."


class Line(Protocol):
    """What can be done with a call."""

    async def hang_up(self) -> None:
        """Ends it, in any case."""
        ...

    async def transfer(self, to: str) -> bool:
        """Connects the caller with somebody else; whether that was possible."""
        ...


class CallControl(FrameProcessor):
    """Stands between the language model and the voice; does what is to be done with the call.

    That is `HangUpFrame`, `TransferFrame` and `SendKeysFrame`, one after another, each once
    nothing is being said; Pipecat's `OutputDTMFFrame` is taken as the last. Ends and transfers
    wait for a caller who is speaking, and are dropped if that is answered. A transfer that works
    ends the stream from the other side. One that does not is apologised for, and the conversation
    goes on. Keys are pressed as tones, in the call's audio.

    Args:
        session_id: Whose call it is.
        line: The call.
    """

    def __init__(self, *, session_id: str, line: Line) -> None:
        super().__init__(name=f"CallControl#{session_id}", enable_direct_mode=True)
        self._line = line
        self._silent = asyncio.Event()
        self._silent.set()
        self._listening = asyncio.Event()  # the caller does not speak
        self._listening.set()
        self._due: deque[HangUpFrame | TransferFrame | SendKeysFrame] = deque()
        self._over = False
        self._acting: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follows the answer; passes everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, OutputDTMFFrame | OutputDTMFUrgentFrame):
            frame = SendKeysFrame(keys=frame.to_string())
        await self.push_frame(frame, direction)
        match frame:
            case AnswerStartFrame(asked=asked):
                if asked:  # the caller had more to say
                    self._put_off()
                self._silent.clear()
            case ProposedUserStartedSpeakingFrame():
                self._listening.clear()
            case ProposedUserStoppedSpeakingFrame():
                self._listening.set()
            case AnswerEndFrame() if direction is FrameDirection.UPSTREAM:
                if frame.interrupted:
                    self._put_off()
                self._silent.set()
            case HangUpFrame() | TransferFrame() | SendKeysFrame():
                self._take(frame)
            case _:
                pass

    async def cleanup(self) -> None:
        """Does nothing more with the call."""
        await super().cleanup()
        if self._acting is not None and not self._acting.done():
            await self.cancel_task(self._acting)

    def _take(self, frame: HangUpFrame | TransferFrame | SendKeysFrame) -> None:
        if self._over or len(self._due) >= _MAX_DUE:
            return
        self._due.append(frame)
        if self._acting is None or self._acting.done():
            self._acting = self.create_task(self._act())

    async def _act(self) -> None:
        while self._due and not self._over:
            await self._until(self._silent)
            if self._due and _waits_for_caller(self._due[0]):
                await self._until(self._listening)
                await self._until(self._silent)  # what the caller said may be answered
            match self._due.popleft() if self._due else None:
                case SendKeysFrame() as frame:
                    await self._press(frame.keys)
                case TransferFrame() as frame:
                    self._over = await self._line.transfer(frame.to)
                    if not self._over:
                        # what was to follow was meant for somebody else
                        self._due.clear()
                        await self.push_frame(PhraseFrame(text=APOLOGY))
                case HangUpFrame():
                    self._over = True
                    await self._line.hang_up()
                case None:
                    pass  # the caller has more to say

    def _put_off(self) -> None:
        """Leaves what was due to be asked for again."""
        self._due = deque(due for due in self._due if not _waits_for_caller(due))

    async def _until(self, event: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(_HEARD_WITHIN_S):
                await event.wait()
        except TimeoutError:
            logger.warning("an answer, or a turn, has no end; the call is dealt with in it")

    async def _press(self, keys: str) -> None:
        try:
            samples = float_to_int16(tones(keys[:_MAX_KEYS], _KEYS_HZ))
        except ValueError as error:
            logger.warning("keys cannot be pressed: {}", error)
            return
        await self.push_frame(OutputAudioRawFrame(samples.tobytes(), _KEYS_HZ, 1))
        await asyncio.sleep(len(samples) / _KEYS_HZ + _LINE_S)


def _waits_for_caller(due: HangUpFrame | TransferFrame | SendKeysFrame) -> bool:
    return isinstance(due, HangUpFrame | TransferFrame) and due.unless_interrupted
