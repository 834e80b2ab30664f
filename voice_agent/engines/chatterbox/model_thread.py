"""The one thread that owns the model, and the mailbox in front of it."""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from loguru import logger

from voice_agent.engines.chatterbox.scheduler import Scheduler
from voice_agent.engines.chatterbox.utterance import AllDrawn, Audio, Event, Refused, Request
from voice_agent.engines.chatterbox.watermark import MarkedStream, Watermarker
from voice_agent.engines.circuit_breaker import CircuitBreaker
from voice_agent.errors import EngineUnavailable

_NAME = "chatterbox"
_END_S = 5.0  # a step is over by then, or it hangs and the process is ended from outside


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Broken:
    """The model failed; every utterance that was open is lost."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What `load` of the owner makes, in its thread.

    Attributes:
        make_scheduler: A scheduler with all slots free; called again after a failure.
        mode: What the thread runs in.
        watermarker: Marks all audio; None leaves it.
    """

    make_scheduler: Callable[[], Scheduler]
    mode: Callable[[], AbstractContextManager[Any]]
    watermarker: Watermarker | None


class ModelThread:
    """Runs the scheduler in a thread while there is something to do.

    Args:
        hear: Called in the event loop with what happened.
    """

    def __init__(self, hear: Callable[[Sequence[Event | Broken]], None]) -> None:
        self._hear = hear
        # bounded by the jobs that the speaker admits, and a word for each of their chunks
        self._mail: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        # marks in order, while the model goes on
        self._marking = ThreadPoolExecutor(1, thread_name_prefix=f"{_NAME}-watermark")
        self._marked: dict[int, MarkedStream] = {}  # touched by that thread only
        self._breaker = CircuitBreaker(_NAME)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._loaded: Loaded | None = None
        self._scheduler: Scheduler | None = None
        self._closing = False

    @property
    def healthy(self) -> bool:
        """The thread runs and the model does not fail again and again."""
        alive = self._thread is not None and self._thread.is_alive()
        return alive and self._scheduler is not None and not self._breaker.open

    async def open(self, load: Callable[[], Loaded]) -> None:
        """Starts the thread and loads the model in it.

        Raises:
            EngineUnavailable: It cannot be loaded.
        """
        self._loop = asyncio.get_running_loop()
        loaded: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(
            target=self._run, args=(load, loaded), name=_NAME, daemon=True
        )
        self._thread.start()
        await loaded

    def admit(self, request: Request) -> None:
        """Takes an utterance.

        Raises:
            EngineUnavailable: The model fails again and again.
        """
        self._breaker.check()
        self._tell(lambda scheduler: scheduler.admit(request))

    def cancel(self, number: int) -> None:
        """Drops an utterance: its slot is free before the next step."""

        def drop(scheduler: Scheduler) -> None:
            scheduler.cancel(number)
            # behind the last piece of it that was handed over
            self._marking.submit(self._marked.pop, number, None)

        self._tell(drop)

    def heard(self, request: Request, heard_s: float) -> None:
        """Says how much audio the reader of a request has taken."""

        def note(_: Scheduler) -> None:
            request.ahead.heard_s = heard_s

        self._tell(note)

    async def close(self) -> None:
        """Ends the thread."""
        self._closing = True
        self._mail.put(lambda: None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _END_S)
        self._marking.shutdown(wait=False, cancel_futures=True)

    def _tell(self, what: Callable[[Scheduler], None]) -> None:
        def act() -> None:
            assert self._scheduler is not None
            what(self._scheduler)

        self._mail.put(act)

    # -- in the thread

    def _run(self, load: Callable[[], Loaded], loaded: "asyncio.Future[None]") -> None:
        try:
            self._loaded = load()
            self._scheduler = self._loaded.make_scheduler()
        except Exception as error:  # whatever it is, the one who waits has to know
            logger.exception("Chatterbox does not load")
            why = EngineUnavailable(f"chatterbox does not load: {error}")
            self._post(lambda: loaded.done() or loaded.set_exception(why))
            return
        self._post(lambda: loaded.done() or loaded.set_result(None))
        with self._loaded.mode():
            idle = True
            while not self._closing:
                self._read_mail(wait=idle)
                idle = self._tick()

    def _read_mail(self, *, wait: bool) -> None:
        if wait:
            self._act(self._mail.get())
        while not self._mail.empty():
            self._act(self._mail.get())

    def _act(self, act: Callable[[], None]) -> None:
        """Does what was asked for; a mistake in it ends what is spoken and not the thread."""
        try:
            act()
        except Exception as error:
            self._start_anew(error)

    def _start_anew(self, error: Exception) -> None:
        logger.exception("Chatterbox fails")
        assert self._loaded is not None
        self._breaker.failed()
        self._scheduler = self._loaded.make_scheduler()
        self._deliver([Broken(why=str(error))])

    def _tick(self) -> bool:
        """One tick; True if there is nothing to do until somebody writes."""
        assert self._scheduler is not None
        try:
            events = self._scheduler.tick()
        except Exception as error:  # a batch ends here: others must be told
            self._start_anew(error)
            return True
        if events is None:
            return True
        if events:
            self._breaker.succeeded()
            self._deliver(events)
        return False

    def _deliver(self, events: Sequence[Event | Broken]) -> None:
        if self._loaded is None or self._loaded.watermarker is None:
            self._post(lambda: self._hear(events))
        elif not self._closing:
            self._marking.submit(self._mark, events, self._loaded.watermarker)

    def _mark(self, events: Sequence[Event | Broken], watermarker: Watermarker) -> None:
        try:
            marked = self._marked_events(events, watermarker)
        except Exception as error:  # unmarked audio must not go out, and nobody wait for it
            logger.exception("Chatterbox's watermark fails")
            self._breaker.failed()
            self._marked.clear()
            marked = [Broken(why=str(error))]
        self._post(lambda: self._hear(marked))

    def _marked_events(
        self, events: Sequence[Event | Broken], watermarker: Watermarker
    ) -> list[Event | Broken]:
        marked: list[Event | Broken] = []
        for event in events:
            match event:
                case Audio():
                    stream = self._marked.setdefault(event.number, MarkedStream(watermarker))
                    samples = stream.push(event.samples, last=event.last)
                    marked.append(replace(event, samples=samples))
                    if event.last:
                        del self._marked[event.number]
                case AllDrawn() | Refused():
                    marked.append(event)
                case Broken():
                    self._marked.clear()
                    marked.append(event)
        return marked

    def _post(self, what: Callable[[], object]) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what)
