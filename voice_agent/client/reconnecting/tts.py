"""A client of the TTS service that outlives its connections."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from voice_agent.client.connection import made
from voice_agent.client.reconnecting.backoff import Backoff
from voice_agent.client.reconnecting.connection import (
    Arrival,
    Connect,
    ReconnectingConnection,
    Runtime,
    connecting,
)
from voice_agent.client.reconnecting.endpoints import Endpoints
from voice_agent.client.reconnecting.events import ReconnectingEvent
from voice_agent.client.reconnecting.outbox import Outbox, saying
from voice_agent.client.reconnecting.resumable_text import ResumableText
from voice_agent.errors import EngineUnavailable, VoiceAgentError
from voice_agent.wire.common import ClientMessage, Ready
from voice_agent.wire.tts import (
    AudioChunk,
    Cancel,
    SynthesisComplete,
    SynthesisOptions,
    Synthesize,
    TtsServerMessage,
    tts_server_message,
)

Listener = Callable[[ReconnectingEvent], None]


class ReconnectingTts:
    """One speech after another, whatever happens to the connection; one call at a time.

    When the connection is lost, its session is gone on with, and every byte comes once.
    Where that is not possible, another session, there or at the next address, is asked for
    what is left of the text, from the word on where the last chunk ended.

    Args:
        endpoints: Where the service may be.
        connect: Opens a connection.
        on_event: Called at once, while `speak` waits, with what becomes of the connection.
        backoff: How it comes back.
        surroundings: Clock, random, sleep.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        connect: Connect[TtsServerMessage],
        *,
        on_event: Listener | None,
        backoff: Backoff,
        surroundings: Runtime,
    ) -> None:
        self._on_event = on_event
        self._outbox = Outbox(max_kept_s=0.0)
        self._line: ReconnectingConnection[TtsServerMessage] = ReconnectingConnection(
            endpoints,
            connect,
            self._outbox,
            renew=self._renew,
            backoff=backoff,
            surroundings=surroundings,
            rests=False,
        )
        self._n_speeches = 0
        self._n_requests = 0

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        urls: Sequence[str] | Endpoints,
        *,
        on_event: Listener | None = None,
        timeout_s: float = 3.0,
        backoff: Backoff = Backoff(),  # noqa: B008  it is frozen
    ) -> AsyncGenerator["ReconnectingTts"]:
        """Opens a session at the first address that has room for one.

        Args:
            urls: Where the service may be, the preferred address first; an `Endpoints` to
                share with other clients what is known of them.
            on_event: Called at once, while `speak` waits, with what becomes of the
                connection.
            timeout_s: For each attempt to connect, and then for being greeted.
            backoff: How it comes back.

        Raises:
            SettingsError: An address cannot be one.
            AtCapacity: No service has a free slot.
            EngineUnavailable: No service is there.
            Unauthorized: They want a key.
        """
        client = cls(
            urls if isinstance(urls, Endpoints) else Endpoints(urls),
            connecting("tts", tts_server_message, timeout_s),
            on_event=on_event,
            backoff=backoff,
            surroundings=Runtime(),
        )
        async with client.running():
            yield client

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Connects, and ends everything afterwards. Raises as `connect`."""
        async with self._line.open():
            yield

    @property
    def ready(self) -> Ready:
        """How the service introduced itself last."""
        return self._line.ready

    @property
    def connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._line.connected

    async def speak(
        self, text: str, options: SynthesisOptions | None = None
    ) -> AsyncGenerator[tuple[AudioChunk, bytes]]:
        """Gives the speech chunk by chunk, as it is made; numbers and spans are of `text`.

        Raw encodings (`pcm_f32le`, `pcm_s16le`, `mulaw`) join where another session went on;
        of the others a stream of its own begins there.

        Closing the generator cancels the request; a caller that leaves early should close
        it (``contextlib.aclosing``) before it asks for anything else.

        Args:
            text: What to say.
            options: Voice, encoding and so on; None leaves all to the service.

        Raises:
            VoiceAgentError: The service refused or failed.
            EngineUnavailable: It was away for too long; so will be every later call.
        """
        self._n_speeches += 1
        values = options.model_dump(exclude_unset=True) if options else {}
        reading = ResumableText(text, f"s{self._n_speeches}")
        session, request_id = self._line.n_sessions, await self._ask(text, values)
        done = False
        try:
            while True:
                part = await self._next_part(request_id)
                if isinstance(part, tuple):
                    yield reading.take(part[0]), part[1]
                elif isinstance(part, SynthesisComplete):
                    break
                elif session != self._line.n_sessions:
                    if not (rest := reading.rest()):
                        break
                    session, request_id = self._line.n_sessions, await self._ask(rest, values)
            done = True
        except VoiceAgentError:
            done = True
            raise
        finally:
            if not done:
                with suppress(EngineUnavailable):
                    await self._tell(Cancel(type="cancel", request_id=request_id))

    async def _ask(self, text: str, values: dict[str, Any]) -> str:
        self._n_requests += 1
        request_id = f"r{self._n_requests}"
        values = values | {"type": "synthesize", "request_id": request_id, "text": text}
        await self._tell(made(Synthesize, values))
        return request_id

    async def _tell(self, message: ClientMessage) -> None:
        self._outbox.append(saying(message))
        await self._line.changed()
        await self._line.until(lambda: True)

    async def _next_part(
        self, request_id: str
    ) -> tuple[AudioChunk, bytes] | SynthesisComplete | None:
        """A chunk of the request, or its end; None after an event. Others are passed over."""
        while True:
            try:
                item = await self._line.receive()
            except VoiceAgentError as error:
                if error.request_id in (None, request_id):
                    raise
                continue
            if item is None:
                raise EngineUnavailable("the service closed the connection")
            if not isinstance(item, Arrival):
                if self._on_event is not None:
                    self._on_event(item)
                return None
            match item.message:
                case AudioChunk(request_id=of) as chunk if of == request_id:
                    self._received()
                    return chunk, item.data
                case SynthesisComplete(request_id=of) as complete if of == request_id:
                    self._received()
                    return complete
                case _:
                    pass

    def _received(self) -> None:
        """What is answered has been received, with all before it."""
        self._outbox.confirm(self._outbox.next_number - 1)
        self._outbox.forget(lambda _: True)

    def _renew(self) -> None:
        """Nothing is sent again to another session: who speaks asks for what is left."""
        self._outbox.restart([], lambda _: False)
