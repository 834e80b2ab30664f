"""Reminds a caller who has been silent, and ends the conversation with one who is gone."""

from collections.abc import Awaitable
from typing import Protocol

from pipecat.processors.frame_processor import FrameProcessor

from processors.timer import Timer
from voice_agent.frames import HangUpFrame
from voice_agent.settings import ConversationSettings


class Say(Protocol):
    """Says something; `last` if the conversation ends once it was heard."""

    def __call__(self, text: str, *, last: bool = False) -> Awaitable[None]: ...


class Reminders:
    """Counts reminders in a row.

    Args:
        owner: Pushes `HangUpFrame` when nothing is said before it.
        manners: When, how often, and in what words.
        say: Says it.
    """

    def __init__(self, owner: FrameProcessor, policy: ConversationSettings, say: Say) -> None:
        self._owner = owner
        self._policy = policy
        self._say = say
        self._alarm = Timer(owner, self._remind)
        self._n_said = 0

    async def wait(self) -> None:
        """It is the caller's turn from now on."""
        await self._alarm.set(self._policy.idle_prompt_s or None)

    async def stop(self) -> None:
        """Somebody speaks."""
        await self._alarm.stop()

    def answered(self) -> None:
        """The caller has said something: counts from the beginning again."""
        self._n_said = 0

    async def _remind(self) -> None:
        policy = self._policy
        if self._n_said < policy.max_idle_prompts:
            self._n_said += 1
            await self._say(policy.idle_prompt)
        elif policy.idle_hang_up and policy.goodbye:
            await self._say(policy.goodbye, last=True)
        elif policy.idle_hang_up:
            await self._owner.push_frame(HangUpFrame())
