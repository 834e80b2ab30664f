"""Speech over HTTP: one request, one streamed answer."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from voice_agent import metrics
from voice_agent.audio.encode import open_encoder
from voice_agent.engines.base import Speaker
from voice_agent.errors import EngineUnavailable
from voice_agent.server.http_body import serving, text_of
from voice_agent.synthesis.chunks import EncodedChunk
from voice_agent.synthesis.requests import language_of, with_voice
from voice_agent.synthesis.stream import synthesize, whole
from voice_agent.synthesis.text import spoken_text
from voice_agent.wire.common import parse
from voice_agent.wire.tts import SynthesisOptions, synthesis_request

speech_router = APIRouter(prefix="/v1")

# nobody reads the answer to a request whose client is gone; proxies log this for it
_CLIENT_CLOSED_REQUEST = 499


@speech_router.post("/synthesize")
async def speak(request: Request) -> Response:
    """Speaks a text; the body is what the chunks of a WebSocket request are together.

    The status is known when the first audio is there. A failure after that breaks the
    body off, so that a client cannot take it for whole. A client that leaves ends it.
    """
    began_s = time.monotonic()
    state = serving(request)
    body = await text_of(request, state.settings.server.max_frame_bytes)
    wanted = parse(synthesis_request, body)
    tts = state.settings.tts
    speaker, voices = state.engines.speaker, state.voices
    if speaker is None or voices is None:
        raise EngineUnavailable("this process has no speaker")
    options = with_voice(wanted, tts.voice)
    language = language_of(options, voices)
    text = spoken_text(wanted.text, tts.max_text_chars, language, rewrite=tts.speakable)
    voices.check(options.voice_id, options.language)
    chunks = synthesize(
        speaker,
        options,
        whole(text),
        session_id=f"http-{secrets.token_hex(8)}",
        voices=voices,
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


def _media_type(speaker: Speaker, options: SynthesisOptions) -> str:
    rate_hz = speaker.info.sample_rate_hz
    return open_encoder(options.encoding, rate_hz, options.sample_rate).media_type
