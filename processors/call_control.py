"""Ends and transfers the call, after the caller has heard what was being said."""

import asyncio
from typing import Protocol

from loguru import logger
from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.frames import (
    AnswerEndFrame,
    AnswerStartFrame,
    HangUpFrame,
    PhraseFrame,
    TransferFrame,
)

# the longest goodbye that is waited for
_HEARD_WITHIN_S = 30.0
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
    """Stands between the language model and the voice; acts on `HangUpFrame` and `TransferFrame`.

    A transfer that works ends the stream from the other side. One that does not is
    apologised for, and the conversation goes on.

    Args:
        session_id: Whose call it is.
        line: The call.
    """

    def __init__(self, *, session_id: str, line: Line) -> None:
        super().__init__(name=f"CallControl#{session_id}", enable_direct_mode=True)
        self._line = line
        self._silent = asyncio.Event()
        self._silent.set()
        self._acting: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follows the answer; passes everything on."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        match frame:
            case AnswerStartFrame():
                self._silent.clear()
            case AnswerEndFrame() if direction is FrameDirection.UPSTREAM:
                self._silent.set()
            case HangUpFrame() | TransferFrame() if self._acting is None:
                self._acting = self.create_task(self._act(frame))
            case _:
                pass

    async def cleanup(self) -> None:
        """Does nothing more with the call."""
        await super().cleanup()
        if self._acting is not None and not self._acting.done():
            await self.cancel_task(self._acting)

    async def _act(self, frame: HangUpFrame | TransferFrame) -> None:
        try:
            async with asyncio.timeout(_HEARD_WITHIN_S):
                await self._silent.wait()
        except TimeoutError:
            logger.warning("an answer has no end; the call is dealt with in the middle of it")
        if isinstance(frame, HangUpFrame):
            await self._line.hang_up()
        elif not await self._line.transfer(frame.to):
            self._acting = None  # it may be tried again
            await self.push_frame(PhraseFrame(text=APOLOGY))
