"""Any OpenAI-compatible language model, with a deadline and errors the caller hears of."""

import asyncio
from typing import Any

from loguru import logger
from openai import AsyncOpenAI
from pipecat.frames.frames import Frame, LLMTextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.openai.llm import OpenAILLMService

from processors.aside import AnswersAside
from voice_agent.errors import EngineUnavailable
from voice_agent.frames import ServerMessageFrame
from voice_agent.wire.common import Error

_RETRY_AFTER_MS = 2000


class LanguageModel(AnswersAside, OpenAILLMService):
    """Pushes an answer as it is written. When it fails, an `error` and what there was.

    Args:
        base_url: The endpoint, up to `/v1`.
        api_key: May be empty.
        model: A name that the endpoint knows.
        timeout_s: Longest wait for the first text and for more of it.
    """

    def __init__(self, *, base_url: str, api_key: str, model: str, timeout_s: float) -> None:
        super().__init__(
            # an empty key would make the client look for one in the environment
            api_key=api_key or "none",
            base_url=base_url,
            settings=OpenAILLMService.Settings(model=model),
            enable_direct_mode=True,
        )
        self._timeout_s = timeout_s
        self._deadline: asyncio.Timeout | None = None

    def create_client(self, *args: Any, **kwargs: Any) -> AsyncOpenAI:
        """One retry: more would be silence for the caller."""
        return super().create_client(*args, **kwargs).with_options(max_retries=1)

    async def cleanup(self) -> None:
        """Closes the connections to the endpoint."""
        await super().cleanup()
        await self._client.close()

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Text puts the deadline off; it may have to wait for the voice, which is no delay."""
        deadline = self._deadline if isinstance(frame, LLMTextFrame) else None
        if deadline is not None:
            deadline.reschedule(None)
        await super().push_frame(frame, direction)
        if deadline is not None:
            deadline.reschedule(asyncio.get_running_loop().time() + self._timeout_s)

    async def push_error(
        self, error_msg: str, exception: Exception | None = None, *_args: Any, **_kwargs: Any
    ) -> None:
        """Tells the caller; the conversation goes on."""
        del error_msg  # it may quote what was said
        logger.error("the language model does not answer: {}", type(exception).__name__)
        error = EngineUnavailable(
            "the language model does not answer", retry_after_ms=_RETRY_AFTER_MS
        )
        await self.push_frame(ServerMessageFrame(message=Error.of(error)))

    async def _process_context(self, context: LLMContext) -> None:
        async with asyncio.timeout(self._timeout_s) as self._deadline:
            await super()._process_context(context)
