"""One owner for everything that fails in a session's pipeline, so that no failure is silence.

Pipecat catches what a processor raises and sends an `ErrorFrame` upstream, and logs what a task
raises; neither ends anything by itself, and a turn detector that has lost a frame would go on
and find that nothing was said.
"""

from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import Any, Protocol

from loguru import logger
from pipecat.frames.frames import CancelWorkerFrame, ErrorFrame, Frame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.ai_service import AIService
from pipecat.utils.asyncio.task_manager import TaskManager

from voice_agent.errors import EngineUnavailable, VoiceAgentError
from voice_agent.wire.common import Error, ServerMessage


class Client(Protocol):
    """Whom a failure is told."""

    async def send(self, message: ServerMessage) -> None:
        """Tells something; the session goes on."""
        ...

    async def fail(self, error: VoiceAgentError) -> None:
        """Tells that the session broke, once, and ends it."""
        ...


class FailureOwner(FrameProcessor):
    """Stands before everything else in a pipeline and answers for all that fails in it.

    A service's own report (an `AIService` that may work again) is told with the code of its
    error, or `engine_unavailable`, and the session goes on. What a processor or a task raises,
    and a service that cannot work any more, ends the session with the code of what was raised,
    or `internal`: what the processor has missed is not known.

    Args:
        client: Is told; None for one that understands no messages of ours.
    """

    def __init__(self, client: Client | None) -> None:
        super().__init__(enable_direct_mode=True)
        self._client = client

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answers errors; passes everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, ErrorFrame):
            await self._answer(frame)
        await self.push_frame(frame, direction)

    async def raised(self, error: Exception) -> None:
        """Ends the session because of what was raised in it."""
        # the text of an exception may quote what was said
        logger.opt(exception=error).error("a session failed: {}", type(error).__name__)
        if not isinstance(error, VoiceAgentError):
            error = VoiceAgentError("the session failed; please connect again")
        if self._client is not None:
            await self._client.fail(error)
        await self.push_frame(CancelWorkerFrame(), FrameDirection.UPSTREAM)

    async def _answer(self, frame: ErrorFrame) -> None:
        service = frame.processor
        if isinstance(service, AIService) and service.is_usable and not frame.fatal:
            failed = frame.exception
            if not isinstance(failed, VoiceAgentError):
                failed = EngineUnavailable(f"{type(service).__name__} failed, please try again")
            if self._client is not None:
                await self._client.send(Error.of(failed))
        else:
            await self.raised(frame.exception or RuntimeError("a processor reports an error"))


class SessionTasks(TaskManager):
    """Pipecat's, for one session; no task of it fails unheard.

    Args:
        on_failure: Is awaited in the task that failed, before anybody who waits for the task
            goes on.
    """

    def __init__(self, on_failure: Callable[[Exception], Awaitable[None]]) -> None:
        super().__init__()
        self._on_failure = on_failure

    def create_task(
        self, coroutine: Coroutine[Any, Any, Any], name: str, context: Context | None = None
    ) -> Any:
        """As Pipecat's."""
        task = super().create_task(self._run(coroutine), name, context)
        task.add_done_callback(lambda _: coroutine.close())  # it may never have begun
        return task

    async def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await coroutine
        except Exception as error:
            await self._on_failure(error)
            return None
