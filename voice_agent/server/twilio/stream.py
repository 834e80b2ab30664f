"""A stream from its first message to the end of its call."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from fastapi import WebSocket, WebSocketDisconnect
from loguru import logger

from voice_agent import metrics
from voice_agent.errors import AtCapacity
from voice_agent.server.app import State
from voice_agent.server.sessions import Session
from voice_agent.server.twilio.calls import (
    POLICY_VIOLATION,
    TOO_LARGE,
    TRY_AGAIN_LATER,
    Calls,
    Refused,
)
from voice_agent.wire.twilio import (
    MAX_MESSAGE_CHARS,
    BadTwilioMessage,
    Connected,
    Start,
    TwilioMessage,
    read_message,
)

# Twilio sends `connected` and `start` at once
START_WITHIN_S = 5.0
_CLOSE_WITHIN_S = 1.0
_INTERNAL_ERROR = 1011

Run = Callable[[Session, Start], Awaitable[None]]
"""Runs a call that has been let in."""


async def serve_stream(websocket: WebSocket, state: State, calls: Calls, run: Run) -> None:
    """Accepts a stream, and runs its call if it may be one.

    Nothing of a session exists before the stream has said which call it is and has shown
    its token. A stream that is refused is closed with 1003 (audio of another format), 1008
    (no `start` within 5 s, or something else instead; a token that is not good; a second
    stream of a call), 1009 (a message over 64 KiB) or 1013 (no free slot).
    """
    await websocket.accept()
    try:
        with calls.waiting():
            start = await _read_start(websocket)
        calls.admit(start)
    except Refused as refused:
        metrics.calls_total.labels(refused.reason).inc()
        logger.info("a telephone stream is refused: {}", refused.message)
        await _close(websocket, refused.code)
        return
    except WebSocketDisconnect:
        metrics.calls_total.labels("gone").inc()
        return
    try:
        await _run_call(websocket, state, start, run)
    finally:
        calls.over(start.call_sid)


async def _run_call(websocket: WebSocket, state: State, start: Start, run: Run) -> None:
    try:
        if reasons := state.engines.unready():
            raise AtCapacity(reasons[0])
        session = state.sessions.open(websocket, state.engines, state.voices)
    except AtCapacity as error:
        metrics.calls_total.labels("busy").inc()
        logger.info("a telephone call is refused: {}", error.message)
        await _close(websocket, TRY_AGAIN_LATER)
        return
    metrics.calls_total.labels("accepted").inc()
    with logger.contextualize(session=session.id):
        try:
            logger.info("a telephone call begins")
            await run(session, start)
        except Exception:
            logger.exception("a telephone call failed")
            await _close(websocket, _INTERNAL_ERROR)
        finally:
            state.sessions.release(session)
            logger.info("the telephone call is over")


async def _read_start(websocket: WebSocket) -> Start:
    """Reads up to `start`. Raises Refused, and WebSocketDisconnect."""
    try:
        async with asyncio.timeout(START_WITHIN_S):
            message = await _next(websocket)
            if isinstance(message, Connected):
                message = await _next(websocket)
    except TimeoutError:
        raise Refused(POLICY_VIOLATION, "silent", "no start came in time") from None
    if not isinstance(message, Start):
        raise Refused(POLICY_VIOLATION, "order", "another message came before start")
    return message


async def _next(websocket: WebSocket) -> TwilioMessage:
    received = await websocket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1005))
    data: str | bytes = received.get("text") or received.get("bytes") or ""
    if len(data) > MAX_MESSAGE_CHARS:
        raise Refused(TOO_LARGE, "too_large", "a message is over 64 KiB")
    try:
        return read_message(data)
    except BadTwilioMessage as error:
        raise Refused(POLICY_VIOLATION, "malformed", f"no stream of Twilio's: {error}") from None


async def _close(websocket: WebSocket, code: int) -> None:
    """Closes; the other side may be gone."""
    with contextlib.suppress(RuntimeError, TimeoutError):
        async with asyncio.timeout(_CLOSE_WITHIN_S):
            await websocket.close(code)
