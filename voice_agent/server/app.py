"""The app of a service: its WebSocket, its health, its engines from start to end."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI, WebSocket
from loguru import logger

from voice_agent import metrics
from voice_agent.engines.engine_set import EngineSet
from voice_agent.errors import AtCapacity, VoiceAgentError
from voice_agent.server.error_handlers import answer_failure
from voice_agent.server.garbage_collection import free_ended, spare_what_stays
from voice_agent.server.health import health_router
from voice_agent.server.resume import resumed
from voice_agent.server.sessions import Session, Sessions
from voice_agent.settings import Settings, load_settings
from voice_agent.synthesis.prompt_cache import PromptCache
from voice_agent.voices.registry import VoiceRegistry
from voice_agent.wire.common import Error

Bot = Callable[[Session], Awaitable[None]]
"""Runs one session from `ready` to its end."""

# how late the loop is, is looked at this often
_LAG_EVERY_S = 0.05
_LOST_EVERY_S = 1.0
_END_SLACK_S = 5.0  # for the shutdown after the drain
_RETRY_AFTER_MS = 1000  # engines load within seconds
_TRY_AGAIN_LATER = 1013
_EXIT_LOST = 70  # EX_SOFTWARE of sysexits.h


@dataclass(slots=True, kw_only=True)
class Service:
    """What makes one service different from another.

    Attributes:
        name: `asr`, `tts` or `agent`.
        bot: Runs a session.
        engines: Chooses the engines; called once, at start.
        routers: Routes beside the common ones.
        bots: More bots, by path (``/direct``).
        phrases: What its sessions say again and again, by name; spoken at start and kept.
    """

    name: str
    bot: Bot
    engines: Callable[[Settings], EngineSet]
    routers: tuple[APIRouter, ...] = ()
    bots: dict[str, Bot] = field(default_factory=dict[str, Bot])
    phrases: Callable[[Settings], dict[str, str]] | None = None


@dataclass(slots=True, kw_only=True)
class State:
    """What a running app has; ``app.state.service``."""

    service: Service
    settings: Settings
    engines: EngineSet
    sessions: Sessions
    voices: VoiceRegistry | None = None
    """Of the process's speaker, if it has one."""


def create_app(service: Service) -> FastAPI:
    """The ASGI app of a service; its settings are read and its engines load when it starts.

    `run_app` puts the settings of its process in ``app.state.settings``, and has the engines
    chosen before it serves (``app.state.choose_engines``), so that a wrong setting is one
    sentence; under another server settings are read from the environment.

    Args:
        service: Which one.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        values: Settings = getattr(app.state, "settings", None) or load_settings()
        engines = getattr(app.state, "engines", None) or service.engines(values)
        voices = VoiceRegistry(engines.speaker, values) if engines.speaker else None
        phrases = _phrases(service, values, engines, voices)
        sessions = Sessions(service.name, values, phrases)
        app.state.service = State(
            service=service, settings=values, engines=engines, sessions=sessions, voices=voices
        )
        async with asyncio.TaskGroup() as tasks:
            opening = tasks.create_task(_vital(_open(engines, voices)))
            watch = tasks.create_task(_vital(sessions.watch()))
            freeing = tasks.create_task(_vital(free_ended(sessions)))
            lag = tasks.create_task(_vital(measure_lag()))
            lost = _end_when_lost(engines, values.server.drain_timeout_s)
            guard = tasks.create_task(_vital(lost))
            keeping = tasks.create_task(_vital(phrases.keep())) if phrases else None
            yield
            opening.cancel()
            if keeping:
                keeping.cancel()
            for task in (freeing, lag, guard):
                task.cancel()
            await sessions.drain()
            watch.cancel()
        if voices is not None:
            await voices.close()
        await engines.close()

    app = FastAPI(title=f"voice-agent {service.name}", lifespan=lifespan, docs_url=None)

    def choose_engines(values: Settings) -> None:
        app.state.settings, app.state.engines = values, service.engines(values)

    app.state.choose_engines = choose_engines
    app.add_exception_handler(VoiceAgentError, answer_failure)
    app.include_router(health_router)
    for router in service.routers:
        app.include_router(router)
    for path, bot in {"/ws": service.bot, **service.bots}.items():
        app.add_api_websocket_route(path, _endpoint(app, bot))
    return app


def _phrases(
    service: Service, values: Settings, engines: EngineSet, voices: VoiceRegistry | None
) -> PromptCache | None:
    if service.phrases is None or engines.speaker is None or voices is None:
        return None
    return PromptCache(
        engines.speaker,
        voices,
        voice_id=values.tts.voice,
        phrases=service.phrases(values),
        speakable=values.tts.speakable,
    )


async def _vital(work: Awaitable[None]) -> None:
    """Ends the process when the work fails: without it, it would only seem to serve."""
    try:
        await work
    except Exception:
        logger.exception("a task of the service failed, and the service ends")
        signal.raise_signal(signal.SIGTERM)


async def _open(engines: EngineSet, voices: VoiceRegistry | None) -> None:
    try:
        if voices is not None:
            await voices.open()
        await engines.open()
    except VoiceAgentError as error:
        # nothing here can mend that; whoever supervises the process starts it again
        logger.critical("the service cannot start and ends: {}", error.message)
        signal.raise_signal(signal.SIGTERM)
        return
    for role, info in engines.infos.items():
        logger.info("{}: {} ({}): {}", role, info.name, info.model, info.why)
    spare_what_stays()


async def _end_when_lost(engines: EngineSet, drain_timeout_s: float) -> None:
    """Ends the process when an engine hangs for good: its supervisor starts another."""
    while not engines.lost():  # noqa: ASYNC110  nothing announces that nothing happens
        await asyncio.sleep(_LOST_EVERY_S)
    logger.critical("{} hangs, the service ends", ", ".join(engines.lost()))
    # the thread that hangs would keep the interpreter from ending
    end = threading.Timer(drain_timeout_s + _END_SLACK_S, os._exit, [_EXIT_LOST])
    end.daemon = True
    end.start()
    signal.raise_signal(signal.SIGTERM)


async def measure_lag() -> None:
    """Observes for ever how late the event loop is."""
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + _LAG_EVERY_S
        await asyncio.sleep(_LAG_EVERY_S)
        metrics.loop_lag_s.observe(max(0.0, loop.time() - due_s))


def _endpoint(app: FastAPI, bot: Bot) -> Callable[[WebSocket], Awaitable[None]]:
    async def serve(websocket: WebSocket) -> None:
        # keys are checked here, before the upgrade, once there are keys
        state: State = app.state.service
        await websocket.accept()
        if await resumed(websocket, state.sessions):
            return
        if refusal := state.engines.refusal(retry_after_ms=_RETRY_AFTER_MS):
            await _refuse(websocket, refusal)
            return
        try:
            session = state.sessions.open(websocket, state.engines, state.voices)
        except AtCapacity as error:
            await _refuse(websocket, error)
            return
        state.sessions.run(session, bot)
        await state.sessions.hold(session, session.socket)

    return serve


async def _refuse(websocket: WebSocket, error: VoiceAgentError) -> None:
    await websocket.send_text(Error.of(error).model_dump_json(exclude_none=True))
    await websocket.close(error.close_code or _TRY_AGAIN_LATER)
