"""One session's connection to the TTS service, which may go and come back in an answer."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Protocol

import numpy as np

from voice_agent.client.tts import TtsClient
from voice_agent.engines.base import SpokenChunk
from voice_agent.engines.clauses import is_speakable
from voice_agent.errors import AtCapacity, EngineTimeout, EngineUnavailable, VoiceAgentError
from voice_agent.wire.tts import AudioChunk, SynthesisOptions

_CONNECT_WITHIN_S = 3.0
_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 0.5
# what is longer is no word: Chinese has no spaces
_MAX_WORD_CHARS = 30

_Away = AtCapacity | EngineUnavailable
_Spoken = AsyncGenerator[tuple[AudioChunk, bytes]]


class OutageListener(Protocol):
    """Who wants to know how the service is, while something is to be spoken."""

    def lost(self, error: VoiceAgentError) -> None:
        """It is away, and is tried again. May be called several times for one absence."""
        ...

    def restored(self) -> None:
        """It speaks."""
        ...

    def unwanted(self) -> None:
        """It was away, and nothing is to be spoken any more."""
        ...


class VoiceLine:
    """Speaks one text after another over one connection, and over a new one when it is lost.

    Args:
        urls: Where the service may be; the first that answers and has room is used.
        give_up_s: A service that is away for longer in a text is given up.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        give_up_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._urls = urls
        self._give_up_s = give_up_s
        self._clock = clock
        self._client: TtsClient | None = None
        self._connection = AsyncExitStack()
        self._speaking = asyncio.Lock()
        self._closed = False
        self.listener: OutageListener | None = None

    async def open(self) -> None:
        """Connects now rather than with the first text, if the service is there."""
        async with self._speaking:
            with contextlib.suppress(AtCapacity, EngineUnavailable):
                await self._connected()

    async def close(self) -> None:
        """Ends the connection, and what is spoken over it; may be called twice."""
        self._closed = True
        await self._drop()

    async def speak(
        self, text: str, options: SynthesisOptions, *, timeout_s: float
    ) -> AsyncGenerator[SpokenChunk]:
        """Speaks a text; after a loss it goes on with the word in which it stopped.

        Raises:
            EngineTimeout: No audio came for `timeout_s` from a service that is there.
            EngineUnavailable: The service was away for `give_up_s`.
            AtCapacity: It was there, and had no room for so long.
            VoiceAgentError: The service refused the text.
        """
        progress = _Progress(text)
        async with self._speaking:
            try:
                while progress.left:
                    try:
                        async with aclosing(self._try(progress, options, timeout_s)) as chunks:
                            async for chunk in chunks:
                                yield chunk
                    except (AtCapacity, EngineUnavailable) as error:
                        await self._wait(progress, error)
            except EngineTimeout:
                await self._drop()
                raise
            finally:
                if progress.lost_s is not None and self.listener is not None:
                    self.listener.unwanted()

    async def _try(
        self, progress: "_Progress", options: SynthesisOptions, timeout_s: float
    ) -> AsyncGenerator[SpokenChunk]:
        """Speaks what is left, as far as one connection carries it."""
        progress.stale = self._client is not None
        client = await self._connected()
        start = progress.restart
        async with _closing(client.speak(progress.text[start:], options)) as answers:
            while (answer := await _next(answers, timeout_s)) is not None:
                message, data = answer
                progress.stale = False
                if progress.lost_s is not None:
                    progress.lost_s = None
                    if self.listener is not None:
                        self.listener.restored()
                progress.reached = max(progress.reached, start + message.text_end)
                yield SpokenChunk(
                    samples=np.frombuffer(data, np.float32),
                    text_start=start + message.text_start,
                    text_end=start + message.text_end,
                )
        progress.complete = True

    async def _wait(self, progress: "_Progress", error: _Away) -> None:
        """Waits until it is time to try again. Raises the error when that is over."""
        await self._drop()
        if self._closed:
            raise error
        if progress.stale:
            return  # it may have gone long ago: that is no absence yet
        now_s = self._clock()
        if progress.lost_s is None:
            progress.lost_s, progress.delay_s = now_s, _FIRST_DELAY_S
        if self.listener is not None:
            self.listener.lost(error)
        if now_s - progress.lost_s >= self._give_up_s:
            raise error
        await asyncio.sleep(progress.delay_s)
        progress.delay_s = min(2 * progress.delay_s, _LONGEST_DELAY_S)

    async def _connected(self) -> TtsClient:
        """The client; connects if there is none. Raises the error of the last address."""
        if self._client is not None:
            return self._client
        trouble: _Away | None = None
        for url in self._urls:
            try:
                client = await self._connection.enter_async_context(
                    TtsClient.connect(url, timeout_s=_CONNECT_WITHIN_S)
                )
            except (AtCapacity, EngineUnavailable) as error:
                trouble = error
                continue
            if self._closed:
                await self._drop()
                break
            self._client = client
            return client
        raise trouble or EngineUnavailable("the session is gone")

    async def _drop(self) -> None:
        self._client = None
        await self._connection.aclose()


class _Progress:
    """How far a text was spoken.

    Attributes:
        text: All of it.
        reached: Where the last chunk ends in it.
        complete: Whether the service has said so.
        stale: The connection in use was made before, and has not spoken of this text.
        lost_s: Since when the service has been away; None if it is there.
        delay_s: Before it is tried again.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.reached = 0
        self.complete = False
        self.stale = False
        self.lost_s: float | None = None
        self.delay_s = _FIRST_DELAY_S

    @property
    def restart(self) -> int:
        """Where to go on: the beginning of the last word, of which half may have been heard."""
        head = self.text[: self.reached].rstrip()
        word = len(head) - len(head.split()[-1]) if head else 0
        return word if len(head) - word <= _MAX_WORD_CHARS else self.reached

    @property
    def left(self) -> bool:
        """Whether there is something left to speak."""
        return not self.complete and is_speakable(self.text[self.restart :])


@asynccontextmanager
async def _closing(spoken: _Spoken) -> AsyncGenerator[_Spoken]:
    """Cancels the request at the end; a connection that is gone needs no cancel."""
    try:
        yield spoken
    finally:
        with contextlib.suppress(VoiceAgentError):
            await spoken.aclose()


async def _next(spoken: _Spoken, timeout_s: float) -> tuple[AudioChunk, bytes] | None:
    try:
        async with asyncio.timeout(timeout_s):
            return await anext(spoken, None)
    except TimeoutError:
        raise EngineTimeout(f"the TTS service took longer than {timeout_s:g} s") from None
