"""Voices that a session makes while it goes on speaking."""

import asyncio
from collections.abc import Awaitable, Callable

from loguru import logger

from voice_agent.errors import RateLimited, VoiceAgentError
from voice_agent.synthesis.voices import register
from voice_agent.voices.registry import VoiceRegistry
from voice_agent.wire.common import Error, ServerMessage
from voice_agent.wire.tts import RegisterVoice

_MAX_AT_ONCE = 2  # a message has up to 14 MiB, and there are 30 sessions
_RETRY_AFTER_MS = 1000


class Registrations:
    """Answers every `register_voice` with one message, when its voice is made or refused.

    Args:
        voices: Makes them.
        push: Sends a message to the client.
    """

    def __init__(
        self, voices: VoiceRegistry, push: Callable[[ServerMessage], Awaitable[None]]
    ) -> None:
        self._voices = voices
        self._push = push
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, message: RegisterVoice) -> None:
        """Begins to make a voice, and returns at once.

        Raises:
            VoiceAgentError: It is refused without a look at its clip.
        """
        self._voices.check_registration(message.voice_id, replace=message.replace)
        if len(self._tasks) >= _MAX_AT_ONCE:
            raise RateLimited(
                f"{_MAX_AT_ONCE} voices of this session are being made, wait for one",
                retry_after_ms=_RETRY_AFTER_MS,
            )
        task = asyncio.create_task(self._register(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends what is under way: nobody would hear of it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _register(self, message: RegisterVoice) -> None:
        try:
            answer: ServerMessage = await register(self._voices, message)
        except VoiceAgentError as error:
            answer = Error.of(error)
        except Exception:
            # the engine's own mistake with a clip; the session goes on
            logger.exception("a voice could not be made")
            answer = Error.of(VoiceAgentError("making the voice failed, please try again"))
        await self._push(answer)
