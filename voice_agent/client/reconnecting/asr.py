"""A client of the ASR service that outlives its connections."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
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
from voice_agent.client.reconnecting.events import (
    AudioDropped,
    ConnectionRestored,
    ReconnectingEvent,
)
from voice_agent.client.reconnecting.outbox import Outbox, Outgoing, saying
from voice_agent.client.reconnecting.timeline_merger import TimelineMerger
from voice_agent.errors import BadMessage
from voice_agent.wire.asr import AsrServerMessage, Close, Config, Finalize, asr_server_message
from voice_agent.wire.common import ClientMessage, Ping, Pong, Ready

_BYTES_PER_SAMPLE = {"pcm_s16le": 2, "pcm_f32le": 4, "mulaw": 1, "alaw": 1}
_PLAIN: dict[str, Any] = {"encoding": "pcm_s16le", "sample_rate": 16_000, "channels": 1}
# Longer pieces are cut: what is sent again begins at one of them.
_PIECE_S = 0.25
# How often the service is asked whether it has everything (a `ping`, answered in order).
_ASK_EVERY_S = 1.0
# Who sends faster than the service listens waits while this much is under way.
_WINDOW_S = 10.0
MAX_KEPT_S = 60.0
"""A turn has at most 25 s, and a service is given up after 30."""


class ReconnectingAsr:
    """Audio goes in, and iterating gives what the service says of it, whatever happens.

    When the connection is lost, its session is gone on with; where that is not possible,
    another one, there or at the next address, hears again what belongs to the open turn.
    All times are those of one stream: seconds of all audio that was sent.

    It takes raw audio only (`pcm_s16le`, `pcm_f32le`, `mulaw`, `alaw`): the rest of a
    container means nothing to another session. Read while you send: reading is what brings
    it back, and what lets `send` go on.

    Iterating gives messages and `ReconnectingEvent`s. An `error` message is raised by it, and the
    next step may go on after it. Once the service has been away for too long,
    `EngineUnavailable` is raised by everything. The iteration ends after `close`.

    Args:
        endpoints: Where the service may be.
        connect: Opens a connection.
        config: Values of `voice_agent.wire.asr.Config` to begin with.
        live: Whether audio comes in real time, so that `send` must not wait.
        max_kept_s: Audio that is kept to be sent again.
        backoff: How it comes back.
        surroundings: Clock, random, sleep.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        connect: Connect[AsrServerMessage],
        *,
        config: Mapping[str, Any],
        live: bool,
        max_kept_s: float,
        backoff: Backoff,
        surroundings: Runtime,
    ) -> None:
        self._live = live
        self._outbox = Outbox(max_kept_s=max_kept_s)
        self._hearing = TimelineMerger()
        self._line: ReconnectingConnection[AsrServerMessage] = ReconnectingConnection(
            endpoints,
            connect,
            self._outbox,
            renew=self._renew,
            backoff=backoff,
            surroundings=surroundings,
            rests=True,
        )
        self._values: dict[str, Any] = _PLAIN | _checked(_PLAIN | dict(config))
        # before the oldest frame that is kept
        self._in_force = dict(self._values)
        self._sent_s = 0.0
        self._asked_at_s = 0.0
        self._resumed = False

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        urls: Sequence[str] | Endpoints,
        *,
        config: Mapping[str, Any] | None = None,
        live: bool = False,
        timeout_s: float = 3.0,
        max_kept_s: float = MAX_KEPT_S,
        backoff: Backoff = Backoff(),  # noqa: B008  it is frozen
    ) -> AsyncGenerator["ReconnectingAsr"]:
        """Opens a session at the first address that has room for one.

        Args:
            urls: Where the service may be, the preferred address first; an `Endpoints` to
                share with other clients what is known of them.
            config: Values of `voice_agent.wire.asr.Config` to begin with; int16 with 16 kHz,
                mono, is expected if it does not say otherwise.
            live: Whether audio comes in real time: then `send` never waits, and while the
                service is away the oldest audio is dropped once there is too much of it.
                Otherwise `send` waits.
            timeout_s: For each attempt to connect, and then for being greeted.
            max_kept_s: Audio that is kept to be sent again.
            backoff: How it comes back.

        Raises:
            BadMessage: A value that the wire, or this client, does not allow.
            SettingsError: An address cannot be one.
            AtCapacity: No service has a free slot.
            EngineUnavailable: No service is there.
            Unauthorized: They want a key.
        """
        client = cls(
            urls if isinstance(urls, Endpoints) else Endpoints(urls),
            connecting("asr", asr_server_message, timeout_s),
            config=config or {},
            live=live,
            max_kept_s=max_kept_s,
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

    @property
    def sent_s(self) -> float:
        """All audio that was given to `send`, in seconds."""
        return self._sent_s

    async def send(self, audio: bytes) -> None:
        """Sends audio; if it is not live, waits while too much is under way.

        Raises:
            EngineUnavailable: The service has been given up.
        """
        for piece in self._pieces(audio):
            duration_s = len(piece) / self._bytes_per_s
            self._outbox.append(Outgoing(data=piece, start_s=self._sent_s, duration_s=duration_s))
            self._sent_s += duration_s
            if self._sent_s - self._asked_at_s >= _ASK_EVERY_S:
                self._asked_at_s = self._sent_s
                self._say(Ping(type="ping", id=self._outbox.next_number))
            self._note(self._outbox.squeeze(unwritten=not self.connected))
            await self._line.changed()
            await self._line.until(lambda: self._live or self._outbox.unconfirmed_s <= _WINDOW_S)

    async def configure(self, **values: Any) -> None:
        """Changes values from the next sample on; `configured` tells which are in force.

        Args:
            values: Fields of `voice_agent.wire.asr.Config`.

        Raises:
            BadMessage: A value that the wire, or this client, does not allow; nothing was sent.
            EngineUnavailable: The service has been given up.
        """
        self._values |= _checked(values)
        await self._tell(made(Config, {"type": "config", **values}))

    async def finalize(self) -> None:
        """Ends the turn now. Raises as `send`."""
        self._hearing.asked(self._sent_s)
        await self._tell(Finalize(type="finalize"))

    async def close(self) -> None:
        """Asks for what is due; the iteration ends after it. Raises as `send`."""
        await self._tell(Close(type="close"))

    def __aiter__(self) -> "ReconnectingAsr":
        return self

    async def __anext__(self) -> AsrServerMessage | ReconnectingEvent:
        while True:
            item = await self._line.receive()
            if item is None:
                raise StopAsyncIteration
            if not isinstance(item, Arrival):
                self._follow(item)
                return item
            message = await self._take(item.message)
            if message is not None:
                return message

    @property
    def _bytes_per_s(self) -> int:
        width = _BYTES_PER_SAMPLE[self._values["encoding"]]
        return width * self._values["channels"] * self._values["sample_rate"]

    def _pieces(self, audio: bytes) -> Iterator[bytes]:
        sample_bytes = self._bytes_per_s // self._values["sample_rate"]
        n_bytes = int(_PIECE_S * self._values["sample_rate"]) * sample_bytes
        for at in range(0, len(audio), n_bytes):
            yield audio[at : at + n_bytes]

    def _say(self, message: ClientMessage) -> None:
        self._outbox.append(saying(message, self._sent_s))

    async def _tell(self, message: ClientMessage) -> None:
        self._say(message)
        await self._line.changed()
        await self._line.until(lambda: True)

    def _follow(self, event: ReconnectingEvent) -> None:
        match event:
            case ConnectionRestored():
                self._resumed = event.resumed
            case AudioDropped() if self._resumed:
                self._hearing.skips(event.start_s, event.duration_s)
            case _:
                pass

    async def _take(self, message: AsrServerMessage) -> AsrServerMessage | None:
        if isinstance(message, Pong):
            self._outbox.confirm(int(message.id or 0))
            from_s = self._hearing.needs_from_s(self._outbox.confirmed_s)
            self._note(self._outbox.forget(lambda frame: not self._needed(frame, from_s)))
            await self._line.changed()
            return None
        return self._hearing.take(message)

    def _needed(self, frame: Outgoing, from_s: float) -> bool:
        """Whether another session would have to get it, if it heard the audio from there on."""
        match frame.message:
            case None:
                return frame.end_s > from_s
            case Finalize():
                return self._hearing.needs_finalize(frame.start_s)
            case Config():
                return frame.start_s >= from_s
            case _:
                return isinstance(frame.message, Close)

    def _note(self, dropped: Iterable[Outgoing]) -> None:
        """What was configured in frames that are kept no longer stays in force."""
        for frame in dropped:
            if isinstance(frame.message, Config):
                self._in_force |= frame.message.model_dump(exclude_none=True)

    def _renew(self) -> AudioDropped | None:
        """Begins another session with what the one before has not settled."""
        from_s = self._hearing.needs_from_s(self._outbox.confirmed_s)
        opening = saying(made(Config, {"type": "config", **self._in_force}), from_s)
        self._note(self._outbox.restart([opening], lambda frame: self._needed(frame, from_s)))
        first = self._outbox.first_audio
        begins_s = self._sent_s if first is None else first.start_s
        self._hearing.begins(begins_s)
        self._hearing.configuring()
        missing_s = begins_s - from_s
        return AudioDropped(from_s, missing_s) if missing_s > 0 else None


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Raises BadMessage if this client cannot send what `values` announce."""
    config = made(Config, {"type": "config", **values})
    if config.encoding is not None and config.encoding not in _BYTES_PER_SAMPLE:
        raise BadMessage(f"encoding: this client sends one of {', '.join(_BYTES_PER_SAMPLE)}")
    return dict(values)
