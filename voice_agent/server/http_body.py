"""What HTTP requests have in common: a service that takes them, and a body within bounds."""

from fastapi import Request

from voice_agent.errors import AtCapacity, BadMessage, EngineUnavailable, TooLarge
from voice_agent.server.app import State

_RETRY_AFTER_MS = 1000
# of a body that is too large, this many times the limit is read and dropped
_READ_ON = 2


def serving(request: Request) -> State:
    """The service's state, if it takes requests.

    Raises:
        EngineUnavailable: Engines are loading or broken.
        AtCapacity: The service is going down.
    """
    state: State = request.app.state.service
    if state.sessions.draining:
        raise AtCapacity("the service is going down", retry_after_ms=_RETRY_AFTER_MS)
    if reasons := state.engines.unready():
        raise EngineUnavailable(reasons[0], retry_after_ms=_RETRY_AFTER_MS)
    return state


async def body_of(request: Request, max_bytes: int) -> bytes:
    """The body.

    Raises:
        TooLarge: It has more bytes; it was read, so that the client reads the answer.
    """
    body = bytearray()
    n_bytes = 0
    async for piece in request.stream():
        n_bytes += len(piece)
        if n_bytes > _READ_ON * max_bytes:
            break
        if n_bytes <= max_bytes:
            body += piece
    if n_bytes > max_bytes:
        raise TooLarge(f"a body may have {max_bytes} bytes, this one has more")
    return bytes(body)


async def text_of(request: Request, max_bytes: int) -> str:
    """The body as text. Raises as `body_of`, and:

    Raises:
        BadMessage: It is not UTF-8.
    """
    try:
        return (await body_of(request, max_bytes)).decode()
    except UnicodeDecodeError:
        raise BadMessage("message is not UTF-8") from None
