"""What Twilio calls: the webhook of a new call, its stream, and what became of it."""

import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from loguru import logger

from voice_agent import metrics
from voice_agent.errors import Unsupported
from voice_agent.server.app import State
from voice_agent.server.sessions import Session
from voice_agent.server.twilio import twiml
from voice_agent.server.twilio.calls import TOKEN, Calls
from voice_agent.server.twilio.rest import TwilioRest
from voice_agent.server.twilio.signature import Form, Signatures, read_form
from voice_agent.server.twilio.stream import serve_stream
from voice_agent.settings import TwilioSettings
from voice_agent.wire.twilio import Start

VOICE = "/twilio/voice"
STREAM = "/twilio/stream"
STATUS = "/twilio/status"

_MAX_BODY_BYTES = 64 << 10
_SID = re.compile(r"\w{1,64}", re.ASCII)
_EVENTS = frozenset({"stream-started", "stream-stopped", "stream-error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a bot gets of a telephone call, besides its session.

    Attributes:
        start: How the stream introduced itself; its token has been checked.
        rest: Ends and transfers calls.
    """

    start: Start
    rest: TwilioRest


CallBot = Callable[[Session, Call], Awaitable[None]]
"""Runs one call from its `start` to its end."""


class Telephone:
    """The routes of a service that answers the telephone.

    Args:
        bot: Runs a call.
    """

    def __init__(self, bot: CallBot) -> None:
        self._bot = bot
        self.router = APIRouter(lifespan=self._lifespan)
        self.router.add_api_route(VOICE, self._voice, methods=["POST"])
        self.router.add_api_route(STATUS, self._status, methods=["POST"])
        self.router.add_api_websocket_route(STREAM, self._stream)

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncGenerator[None]:
        self._state: State = app.state.service
        self._settings: TwilioSettings = self._state.settings.twilio
        try:
            self._signatures = Signatures(self._settings)
        except Unsupported as error:
            logger.error("no telephone call is taken: {}", error.message)
            self._signatures = Signatures(TwilioSettings())
        self._calls = Calls(time.monotonic, tokens_needed=not self._signatures.insecure)
        if self._signatures.insecure:
            logger.warning(
                "TELEPHONE CALLS ARE NOT CHECKED: twilio.insecure is set, and whoever reaches "
                "this port can call; for development only"
            )
        elif self._settings.auth_token.get_secret_value() and not self._settings.public_url:
            logger.warning("no telephone call is taken: twilio.public_url is not set")
        async with TwilioRest(self._settings) as self._rest:
            yield

    async def _voice(self, request: Request) -> Response:
        """A call comes in: connects it with a stream of this service."""
        form = await self._checked(request, VOICE)
        if isinstance(form, Response):
            return form
        call_sid = form.first("CallSid")
        if not _SID.fullmatch(call_sid):
            return _refuse(VOICE, 400, "form")
        if self._calls.is_live(call_sid):
            # a webhook that came twice: the call goes on with the stream that it has
            metrics.call_requests_total.labels(VOICE, "repeated").inc()
            return _xml(twiml.nothing())
        token = None if self._busy else self._calls.issue(call_sid)
        if token is None:
            metrics.call_requests_total.labels(VOICE, "busy").inc()
            return _xml(twiml.busy())
        metrics.call_requests_total.labels(VOICE, "accepted").inc()
        stream_url, status_url = self._urls(request)
        return _xml(twiml.connect(stream_url, {TOKEN: token}, status_url))

    async def _status(self, request: Request) -> Response:
        """Something became of a stream; it is counted, whatever order it comes in."""
        form = await self._checked(request, STATUS)
        if isinstance(form, Response):
            return form
        event = form.first("StreamEvent")
        metrics.call_events_total.labels(event if event in _EVENTS else "other").inc()
        if event == "stream-error":
            logger.warning("Twilio reports an error of a stream")
        metrics.call_requests_total.labels(STATUS, "accepted").inc()
        return Response(status_code=204)

    async def _stream(self, websocket: WebSocket) -> None:
        """The audio of a call."""
        if not self._signatures.configured or not self._signatures.of_upgrade(
            STREAM, websocket.headers
        ):
            metrics.call_requests_total.labels(STREAM, "unsigned").inc()
            await websocket.close()  # before it was accepted: HTTP 403
            return
        metrics.call_requests_total.labels(STREAM, "accepted").inc()

        async def run(session: Session, start: Start) -> None:
            await self._bot(session, Call(start=start, rest=self._rest))

        await serve_stream(websocket, self._state, self._calls, run)

    async def _checked(self, request: Request, route: str) -> Form | Response:
        """The form of a request that Twilio has signed, or the answer to another one."""
        if not self._signatures.configured:
            return _refuse(route, 501, "unconfigured")
        body = await _body(request)
        if body is None:
            return _refuse(route, 413, "too_large")
        form = read_form(body)
        query = request.scope["query_string"].decode("latin-1")
        if not self._signatures.of_webhook(route, query, form, request.headers):
            return _refuse(route, 403, "unsigned")
        return form

    @property
    def _busy(self) -> bool:
        sessions = self._state.sessions
        return sessions.full or sessions.draining or bool(self._state.engines.unready())

    def _urls(self, request: Request) -> tuple[str, str]:
        """Where Twilio finds the stream, and the route that is told what became of it."""
        base = self._settings.public_url or str(request.base_url).rstrip("/")
        return f"ws{base.removeprefix('http')}{STREAM}", f"{base}{STATUS}"


async def _body(request: Request) -> bytes | None:
    """What was sent; None if it is too much."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_BODY_BYTES:
            return None
    return bytes(body)


def _xml(text: str) -> Response:
    return Response(text, media_type="application/xml")


def _refuse(route: str, status: int, outcome: str) -> Response:
    metrics.call_requests_total.labels(route, outcome).inc()
    return Response(status_code=status)
