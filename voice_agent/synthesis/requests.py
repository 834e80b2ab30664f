"""The requests of one session: which there are, in which order, and how each one ends."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable

from voice_agent.engines.clauses import NO_LIMITS, ClauseLimits
from voice_agent.errors import BadMessage, RateLimited
from voice_agent.settings import TtsSettings
from voice_agent.synthesis.text import TextAssembler, spoken_text
from voice_agent.synthesis.text_normalization.normalized_text import NormalizedText
from voice_agent.voices.registry import VoiceRegistry
from voice_agent.wire.tts import Flush, SynthesisOptions, Synthesize, TextDelta

_RETRY_AFTER_MS = 1000
_USUAL_LANGUAGE = "en"
_ANY_LANGUAGE = "mul"  # of a voice that has several
HOLD_S = 0.3
"""A part that is too short for the engine waits so long for more text."""


class SpeechRequest:
    """Text to speak, all there or still being written, and where it stands.

    Args:
        request_id: Unique in its session while it lasts.
        options: How to speak.
        text: Takes its text.
        clock: Seconds, monotonic.

    Attributes:
        cancelled: The client does not want the rest.
        failed: It cannot be finished.
        speakable_s: When there was first something to speak, by the clock.
    """

    def __init__(
        self,
        request_id: str,
        options: SynthesisOptions,
        text: TextAssembler,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.request_id = request_id
        self.options = options
        self.cancelled = False
        self.failed = False
        self.speakable_s: float | None = None
        self._clock = clock
        self._text = text
        self._over = False
        self._parts: deque[NormalizedText] = deque()  # no more than its text has
        self._news = asyncio.Event()

    @property
    def clipped(self) -> bool:
        """Not all of it is, or will be, spoken."""
        return self.cancelled or self.failed

    def put_whole(self, text: NormalizedText) -> None:
        """Gives it all its text at once; it has been checked."""
        self._put([text])
        self._end()

    def feed(self, delta: str) -> None:
        """Adds text.

        Raises:
            TextTooLong: `delta` was not added.
            BadMessage: Its text is complete.
        """
        self._still_open()
        self._put(self._text.feed(delta))

    def flush(self) -> None:
        """Ends its text.

        Raises:
            BadMessage: Its text is complete already, or nothing in it can be spoken: then
                it has failed.
        """
        self._still_open()
        try:
            self._put(self._text.flush())
        except BadMessage:
            self.failed = True
            raise
        finally:
            self._end()

    async def parts(self) -> AsyncGenerator[NormalizedText]:
        """What can be spoken, as it comes."""
        while True:
            while self._parts:
                yield self._parts.popleft()
            if self._over:
                return
            self._news.clear()
            try:
                async with asyncio.timeout(HOLD_S if self._text.waiting else None):
                    await self._news.wait()
            except TimeoutError:
                self._put(self._text.release())

    def _still_open(self) -> None:
        if self._over:
            raise BadMessage(f"the text of {self.request_id} is complete; use a new request_id")

    def _put(self, parts: list[NormalizedText]) -> None:
        if parts and self.speakable_s is None:
            self.speakable_s = self._clock()
        self._parts.extend(parts)
        self._news.set()

    def _end(self) -> None:
        self._over = True
        self._news.set()


class Requests:
    """All requests of a session, the first one being spoken, the others behind it.

    A request exists from the moment its message was accepted; a refused message (the
    methods raise) leaves nothing behind. A text that is written and never flushed keeps
    its place until it is cancelled or the session ends; the others wait for it.

    Args:
        voices: Knows which there are.
        limits: `max_text_chars`, `max_pending_requests`, `speakable`, and the usual `voice`.
        clause_limits: Of the speaker.
    """

    def __init__(
        self, voices: VoiceRegistry, limits: TtsSettings, clause_limits: ClauseLimits = NO_LIMITS
    ) -> None:
        self._voices = voices
        self._limits = limits
        self._clause_limits = clause_limits
        # Bounded by `max_pending_requests` and the one that is spoken; more are refused.
        self._requests: dict[str, SpeechRequest] = {}

    @property
    def first(self) -> SpeechRequest | None:
        """The one that is, or should be, spoken now."""
        return next(iter(self._requests.values()), None)

    def synthesize(self, message: Synthesize) -> None:
        """Adds a request with all its text.

        Raises:
            VoiceAgentError: It is refused; the error names the request.
        """
        options = with_voice(message, self._limits.voice)
        text = spoken_text(
            message.text,
            self._limits.max_text_chars,
            language_of(options, self._voices),
            rewrite=self._limits.speakable,
        )
        self._open(message.request_id or secrets.token_hex(8), message).put_whole(text)

    def write(self, message: TextDelta) -> None:
        """Adds to a request's text; the first piece makes the request.

        Raises:
            VoiceAgentError: The piece is refused; the request, if there was one, goes on.
        """
        request = self._requests.get(message.request_id)
        if request is not None:
            request.feed(message.delta)
            return
        request = self._open(message.request_id, message)
        try:
            request.feed(message.delta)
        except BaseException:
            self.remove(request)
            raise

    def flush(self, message: Flush) -> None:
        """Ends a request's text.

        Raises:
            BadMessage: There is no such request, its text is complete, or nothing in it
                can be spoken.
        """
        self._find(message.request_id).flush()

    def cancel(self, request_id: str | None) -> list[SpeechRequest]:
        """Marks a request, or all of them, as cancelled.

        Returns:
            Those that were marked, in order. They stay until they are removed.

        Raises:
            BadMessage: There is nothing to cancel; it may just have ended by itself.
        """
        found = list(self._requests.values()) if request_id is None else [self._find(request_id)]
        if not found:
            raise BadMessage("there is no request to cancel")
        for request in found:
            request.cancelled = True
        return found

    def remove(self, request: SpeechRequest) -> None:
        """Forgets a request; its id can be used again."""
        self._requests.pop(request.request_id, None)

    def _find(self, request_id: str) -> SpeechRequest:
        request = self._requests.get(request_id)
        if request is None:
            raise BadMessage(f"there is no request {request_id}; it may have ended")
        return request

    def _open(self, request_id: str, options: SynthesisOptions) -> SpeechRequest:
        if request_id in self._requests:
            raise BadMessage(f"the request {request_id} is not over; use another request_id")
        if len(self._requests) > self._limits.max_pending_requests:
            raise RateLimited(
                f"{self._limits.max_pending_requests} requests wait already, let one end first",
                retry_after_ms=_RETRY_AFTER_MS,
            )
        options = with_voice(options, self._limits.voice)
        self._voices.check(options.voice_id, options.language)
        text = TextAssembler(
            self._limits.max_text_chars,
            language_of(options, self._voices),
            rewrite=self._limits.speakable,
            limits=self._clause_limits,
        )
        request = self._requests[request_id] = SpeechRequest(request_id, options, text)
        return request


def language_of(options: SynthesisOptions, voices: VoiceRegistry) -> str:
    """What a request is spoken in: its own language, else its voice's, else English."""
    if options.language is not None:
        return options.language
    own = {voice.voice_id: voice.language for voice in voices.own}
    if options.voice_id == "default":
        return next(iter(own.values()), _USUAL_LANGUAGE)
    language = own.get(options.voice_id, voices.language)
    return _USUAL_LANGUAGE if language == _ANY_LANGUAGE else language


def with_voice(options: SynthesisOptions, voice: str) -> SynthesisOptions:
    """The options with the usual voice, if they name none."""
    if options.voice_id != "default" or voice == "default":
        return options
    return options.model_copy(update={"voice_id": voice})
