"""Speech over HTTP: one request, one streamed answer; and the voices."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from voice_agent import metrics
from voice_agent.audio.encode import open_encoder
from voice_agent.engines.base import Speaker
from voice_agent.errors import (
    AtCapacity,
    BadMessage,
    EngineUnavailable,
    TooLarge,
    VoiceNotFound,
)
from voice_agent.server.app import State
from voice_agent.synthesis.chunks import EncodedChunk
from voice_agent.synthesis.requests import with_voice
from voice_agent.synthesis.stream import synthesize, whole
from voice_agent.synthesis.text import check_text
from voice_agent.synthesis.voices import listed, register, remove
from voice_agent.wire.common import parse
from voice_agent.wire.tts import SynthesisOptions, synthesis_request, voice_registration

speech_router = APIRouter(prefix="/v1")

_RETRY_AFTER_MS = 1000
# nobody reads the answer to a request whose client is gone; proxies log this for it
_CLIENT_CLOSED_REQUEST = 499
# of a body that is too large, this many times the limit is read and dropped
_READ_ON = 2


@speech_router.get("/voices")
async def list_voices(request: Request) -> dict[str, Any]:
    """All voices."""
    return {
        "voices": [
            voice.model_dump(exclude={"type"}) for voice in listed(_speaker(_state(request)))
        ]
    }


@speech_router.get("/voices/{voice_id}")
async def get_voice(request: Request, voice_id: str) -> dict[str, Any]:
    """One of the voices that are listed."""
    for voice in listed(_speaker(_state(request))):
        if voice.voice_id == voice_id:
            return voice.model_dump(exclude={"type"})
    raise VoiceNotFound(f"there is no voice {voice_id}; GET /v1/voices says which there are")


@speech_router.post("/voices")
async def register_voice(request: Request) -> None:
    """Makes a voice from a clip."""
    state = _state(request)
    body = await _body(request, state.settings.server.max_voice_frame_bytes)
    await register(_speaker(state), parse(voice_registration, body))


@speech_router.delete("/voices/{voice_id}", status_code=204)
async def delete_voice(request: Request, voice_id: str) -> None:
    """Forgets a registered voice."""
    remove(_speaker(_state(request)), voice_id)


@speech_router.post("/synthesize")
async def speak(request: Request) -> Response:
    """Speaks a text; the body is what the chunks of a WebSocket request are together.

    The status is known when the first audio is there. A failure after that breaks the
    body off, so that a client cannot take it for whole. A client that leaves ends it.
    """
    began_s = time.monotonic()
    state = _state(request)
    body = await _body(request, state.settings.server.max_frame_bytes)
    wanted = parse(synthesis_request, body)
    check_text(wanted.text, state.settings.tts.max_text_chars)
    speaker = _speaker(state)
    options = with_voice(wanted, state.settings.tts.voice)
    speaker.check_voice(options.voice_id, options.language)
    chunks = synthesize(
        speaker, options, whole(wanted.text), session_id=f"http-{secrets.token_hex(8)}"
    )
    first = await _first_of(request, chunks)
    if first is None:
        await chunks.aclose()
        return Response(status_code=_CLIENT_CLOSED_REQUEST)
    metrics.first_audio_s.observe(time.monotonic() - began_s)
    return _Spoken(state.service.name, first, chunks, _media_type(speaker, options))


class _Spoken(StreamingResponse):
    """Frees the speaker when the client leaves, not when the garbage is collected."""

    def __init__(
        self, service: str, first: EncodedChunk, rest: AsyncGenerator[EncodedChunk], media_type: str
    ) -> None:
        self._rest = rest
        self._content = _bytes(service, first, rest)
        super().__init__(self._content, media_type=media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._rest), aclosing(self._content):
            await super().__call__(scope, receive, send)


async def _bytes(
    service: str, first: EncodedChunk, rest: AsyncGenerator[EncodedChunk]
) -> AsyncGenerator[bytes]:
    sent = metrics.audio_out_s.labels(service)
    sent.inc(first.duration_ms / 1000)
    yield first.data
    async for chunk in rest:
        sent.inc(chunk.duration_ms / 1000)
        yield chunk.data


async def _first_of(request: Request, chunks: AsyncGenerator[EncodedChunk]) -> EncodedChunk | None:
    """The first chunk; None if the client left before it came."""
    making = asyncio.create_task(_next_of(chunks))
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait([making, leaving], return_when=asyncio.FIRST_COMPLETED)
        return making.result() if making.done() else None
    finally:
        for task in (making, leaving):
            task.cancel()
        await asyncio.wait([making, leaving])


async def _next_of(chunks: AsyncGenerator[EncodedChunk]) -> EncodedChunk | None:
    return await anext(chunks, None)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request, max_bytes: int) -> str:
    """The body as text.

    Raises:
        TooLarge: It has more bytes; it was read, so that the client reads the answer.
        BadMessage: It is not UTF-8.
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
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise BadMessage("message is not UTF-8") from None


def _state(request: Request) -> State:
    """The service's state, if it takes requests.

    Raises:
        EngineUnavailable: Engines are loading or broken.
        AtCapacity: The service is going down.
    """
    state: State = request.app.state.service
    if state.sessions.draining:
        raise AtCapacity("the service is going down", retry_after_ms=_RETRY_AFTER_MS)
    if reasons := state.room.unready():
        raise EngineUnavailable(reasons[0], retry_after_ms=_RETRY_AFTER_MS)
    return state


def _speaker(state: State) -> Speaker:
    if state.room.speaker is None:
        raise EngineUnavailable("this process has no speaker")
    return state.room.speaker


def _media_type(speaker: Speaker, options: SynthesisOptions) -> str:
    rate_hz = speaker.info.sample_rate_hz
    return open_encoder(options.encoding, rate_hz, options.sample_rate).media_type
