"""Clients that come back for their session."""

from fastapi import WebSocket
from loguru import logger
from starlette.datastructures import QueryParams

from voice_agent import metrics
from voice_agent.errors import BadMessage, ResumeExpired
from voice_agent.server.sessions import Session, Sessions
from voice_agent.wire.common import Error


async def resumed(websocket: WebSocket, sessions: Sessions) -> bool:
    """Serves a connection that asks for an old session, as long as it is that session's.

    A client that may not have it is told why, and gets a fresh one from the caller. Its old
    one, if the token was good, ends: nobody else has the token.

    Returns:
        Whether it was served; if not, nothing but an `error` was sent.
    """
    token = websocket.query_params.get("resume")
    if token is None:
        return False
    session = sessions.find(token, websocket.url.path)
    try:
        last_seq = _last_seq(websocket.query_params)
        if session is None:
            raise ResumeExpired("this session cannot be resumed; a new one begins")
        with logger.contextualize(session=session.id):
            socket = sessions.socket(websocket)
            logger.info("a session goes on")
            await session.resume(token, socket, last_seq)
            metrics.sessions_resumed_total.labels(session.service, "resumed").inc()
            await sessions.hold(session, socket)
    except (BadMessage, ResumeExpired) as error:
        await _refuse(websocket, sessions, session, error)
        return False
    return True


async def _refuse(
    websocket: WebSocket,
    sessions: Sessions,
    session: Session | None,
    error: BadMessage | ResumeExpired,
) -> None:
    outcome = "expired" if isinstance(error, ResumeExpired) else "refused"
    metrics.sessions_resumed_total.labels(sessions.service, outcome).inc()
    metrics.errors_total.labels(sessions.service, error.code).inc()
    if session is not None:
        await sessions.end(session)
    await websocket.send_text(Error.of(error).model_dump_json(exclude_none=True))


def _last_seq(query: QueryParams) -> int:
    """Raises BadMessage if it is no number of a message."""
    text = query.get("last_seq", "")
    # digits alone: int() takes more, and no session has 10^12 messages
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) > 0):
        raise BadMessage("last_seq: the number of the last message that came is missing")
    return int(text)
