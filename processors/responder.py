"""What stands in for a language model: simple rules, or an echo of the caller's words."""

from collections.abc import Callable
from datetime import datetime

from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.speculation import SpeculativeResponse
from voice_agent.responder import respond


def by_rules(text: str) -> str:
    """An answer by the built-in rules."""
    return respond(text, lambda: datetime.now().astimezone())


def repeat(text: str) -> str:
    """The caller's own words."""
    return text


class _Responder(FrameProcessor):
    def __init__(self, make: Callable[[str], str]) -> None:
        super().__init__(enable_direct_mode=True)
        self._make = make

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answers a context; passes everything else on."""
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        said = str(frame.context.get_messages()[-1].get("content", ""))  # pyright: ignore[reportAttributeAccessIssue]
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(self._make(said)))
        await self.push_frame(LLMFullResponseEndFrame())


class Responder(SpeculativeResponse, _Responder):
    """Answers the last thing the user said, as a language model's service would.

    Args:
        make: Makes an answer of what was said.
    """
