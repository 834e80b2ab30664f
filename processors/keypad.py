"""Keys of the telephone: what they do, or that they were pressed."""

import asyncio
from collections.abc import Mapping

from pipecat.frames.frames import Frame, InputDTMFFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.frames import ClientMessageFrame, HangUpFrame, KeyFrame, TransferFrame
from voice_agent.wire.agent import Interrupt, TypedText

HANG_UP = "hang_up"
# longer than any number that one types
_MAX_DIGITS = 64


class Keypad(FrameProcessor):
    """Stands before the conversation. Passes each `KeyFrame` on, for whoever wants it.

    The `InputDTMFFrame` of a stock transport becomes one.

    A key with an action stops the answer and pushes `HangUpFrame` or `TransferFrame`. Other
    keys are gathered until none follows; then the conversation is told, as if the caller
    had typed it, that "the caller pressed 4 2".

    Args:
        session_id: Whose keys they are.
        actions: By key: `hang_up`, or where to transfer the call.
        pause_s: Keys that follow within this belong together.
    """

    def __init__(self, *, session_id: str, actions: Mapping[str, str], pause_s: float) -> None:
        super().__init__(name=f"Keypad#{session_id}", enable_direct_mode=True)
        self._actions = actions
        self._pause_s = pause_s
        self._digits: list[str] = []
        self._telling: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Takes keys; passes everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputDTMFFrame):
            frame = KeyFrame(digit=frame.button.value)
        await self.push_frame(frame, direction)
        if isinstance(frame, KeyFrame):
            await self._stop_waiting()
            action = self._actions.get(frame.digit)
            if action is None:
                if len(self._digits) < _MAX_DIGITS:
                    self._digits.append(frame.digit)
                self._telling = self.create_task(self._tell())
            else:
                self._digits.clear()
                await self.push_frame(ClientMessageFrame(message=Interrupt(type="interrupt")))
                await self.push_frame(
                    HangUpFrame(unless_interrupted=False)
                    if action == HANG_UP
                    else TransferFrame(to=action, unless_interrupted=False)
                )

    async def cleanup(self) -> None:
        """Forgets what was pressed."""
        await super().cleanup()
        await self._stop_waiting()

    async def _stop_waiting(self) -> None:
        telling, self._telling = self._telling, None
        if telling is not None and not telling.done():
            await self.cancel_task(telling)

    async def _tell(self) -> None:
        await asyncio.sleep(self._pause_s)
        self._telling = None  # what follows is not taken back by the next key
        pressed, self._digits = " ".join(self._digits), []
        message = TypedText(type="text", text=f"The caller pressed {pressed}.")
        await self.push_frame(ClientMessageFrame(message=message))
