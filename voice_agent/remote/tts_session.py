"""One session's way to the TTS service, which may go and come back in an answer."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Protocol

import numpy as np

from voice_agent.client.reconnecting.backoff import Backoff
from voice_agent.client.reconnecting.endpoints import Endpoints
from voice_agent.client.reconnecting.events import (
    ConnectionLost,
    ConnectionRestored,
    ReconnectingEvent,
)
from voice_agent.client.reconnecting.tts import ReconnectingTts
from voice_agent.engines.base import SpokenChunk
from voice_agent.errors import (
    AtCapacity,
    EngineTimeout,
    EngineUnavailable,
    Unauthorized,
    VoiceAgentError,
)
from voice_agent.wire.tts import AudioChunk, SynthesisOptions

# Between attempts to reach the service, at the most.
_AGAIN_S = 0.5
_GONE = (AtCapacity, EngineUnavailable, Unauthorized)

_Spoken = AsyncGenerator[tuple[AudioChunk, bytes]]


class OutageListener(Protocol):
    """Who wants to know how the service is, while something is to be spoken."""

    def lost(self, error: VoiceAgentError) -> None:
        """It is away, and is tried again. May be called several times for one absence."""
        ...

    def restored(self) -> None:
        """It is there again."""
        ...

    def given_up(self) -> None:
        """It was away for too long; what was to be spoken is not."""
        ...

    def unwanted(self) -> None:
        """It was away, and nothing is to be spoken any more."""
        ...


class RemoteTtsSession:
    """Speaks one text after another in a session of its own at the service.

    Args:
        endpoints: Where the service may be.
        give_up_s: A service that is away for longer in a text is given up.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        give_up_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoints = endpoints
        self._give_up_s = give_up_s
        self._clock = clock
        self._client: ReconnectingTts | None = None
        self._session = AsyncExitStack()
        self._speaking = asyncio.Lock()
        self._away = False
        self._closed = False
        self.listener: OutageListener | None = None

    @property
    def _there(self) -> bool:
        return self._client is not None and self._client.connected

    async def open(self) -> None:
        """Connects now rather than with the first text, if the service is there."""
        async with self._speaking:
            with contextlib.suppress(*_GONE):
                await self._connect()

    async def close(self) -> None:
        """Ends the session, and what is spoken in it; may be called twice."""
        self._closed = True
        await self._drop()

    async def speak(
        self, text: str, options: SynthesisOptions, *, timeout_s: float
    ) -> AsyncGenerator[SpokenChunk]:
        """Speaks a text; after a loss it goes on where it stopped, give or take a word.

        Raises:
            EngineTimeout: No audio came for `timeout_s` from a service that is there.
            EngineUnavailable: The service was away for `give_up_s`.
            AtCapacity: It was there, and had no room for so long.
            VoiceAgentError: The service refused the text.
        """
        async with self._speaking:
            try:
                client = await self._connected()
                async with aclosing(client.speak(text, options)) as answers:
                    # what is away is waited for in there, and no delay of the engine's
                    while (answer := await _next(answers, timeout_s + self._give_up_s)) is not None:
                        yield _spoken(*answer)
            except VoiceAgentError as error:
                error.request_id = None  # it means something to this client only
                if self._there and not isinstance(error, EngineTimeout):
                    raise
                if not self._there:
                    self._give_up(error)
                await self._drop()
                raise _told(error) from error
            finally:
                if self._away:
                    self._away = False
                    if self.listener is not None:
                        self.listener.unwanted()

    def _give_up(self, error: VoiceAgentError) -> None:
        if not self._closed:
            self._lost(error)
            if self.listener is not None:
                self.listener.given_up()
        self._away = False

    async def _connected(self) -> ReconnectingTts:
        """The client; connects if there is none, for as long as there is hope."""
        if self._client is not None:
            if not self._there:  # lost in a text before, which tells of it no more
                self._lost(EngineUnavailable("the TTS service is still away"))
            return self._client
        began_s = self._clock()
        while True:
            try:
                return await self._connect()
            except _GONE as error:
                self._lost(error)
                if self._clock() - began_s >= self._give_up_s:
                    raise
            await asyncio.sleep(_AGAIN_S)

    async def _connect(self) -> ReconnectingTts:
        if self._closed:
            raise EngineUnavailable("the session is gone")
        backoff = Backoff(most_s=_AGAIN_S, give_up_s=self._give_up_s)
        client = await self._session.enter_async_context(
            ReconnectingTts.connect(self._endpoints, on_event=self._follow, backoff=backoff)
        )
        if self._closed:
            await self._drop()
            raise EngineUnavailable("the session is gone")
        self._client = client
        self._restored()
        return client

    async def _drop(self) -> None:
        self._client = None
        await self._session.aclose()

    def _follow(self, event: ReconnectingEvent) -> None:
        match event:
            case ConnectionLost():
                self._lost(EngineUnavailable(event.reason))
            case ConnectionRestored():
                self._restored()
            case _:
                pass

    def _lost(self, error: VoiceAgentError) -> None:
        self._away = True
        if self.listener is not None:
            self.listener.lost(error)

    def _restored(self) -> None:
        self._away = False
        if self.listener is not None:
            self.listener.restored()


async def _next(spoken: _Spoken, timeout_s: float) -> tuple[AudioChunk, bytes] | None:
    try:
        async with asyncio.timeout(timeout_s):
            return await anext(spoken, None)
    except TimeoutError:
        raise EngineTimeout(f"the TTS service took longer than {timeout_s:g} s") from None


def _told(error: VoiceAgentError) -> VoiceAgentError:
    """The error without the service's address, which is nobody's business."""
    match error:
        case EngineTimeout():
            return error
        case AtCapacity():
            busy = "all lines of the TTS service are busy, try again later"
            return AtCapacity(busy, retry_after_ms=error.retry_after_ms)
        case _:
            return EngineUnavailable("the TTS service does not answer", retry_after_ms=5000)


def _spoken(chunk: AudioChunk, data: bytes) -> SpokenChunk:
    return SpokenChunk(
        samples=np.frombuffer(data, np.float32),
        text_start=chunk.text_start,
        text_end=chunk.text_end,
    )
