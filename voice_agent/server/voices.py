"""Voices over HTTP: listed, fetched, registered, deleted."""

import json
from typing import Any

from fastapi import APIRouter, Request

from voice_agent.errors import BadMessage, EngineUnavailable
from voice_agent.server.app import State
from voice_agent.server.http_body import body_of, serving, text_of
from voice_agent.synthesis.voices import found, listed, register, register_clip
from voice_agent.voices.clip import MAX_CLIP_BYTES
from voice_agent.voices.registry import VoiceRegistry
from voice_agent.wire.common import ServerMessage, parse
from voice_agent.wire.tts import (
    VoiceDescription,
    VoiceRegistered,
    check_voice_id,
    voice_description,
    voice_registration,
)

voices_router = APIRouter(prefix="/v1/voices")

_CREATED, _NO_CONTENT = 201, 204
_CLIP_TYPES = ("audio/", "video/webm", "video/mp4", "application/ogg", "application/octet-stream")
_MAX_QUERY_CHARS = 16_384


@voices_router.get("")
async def list_voices(request: Request) -> dict[str, Any]:
    """All voices."""
    return {"voices": [_shown(voice) for voice in listed(_voices(serving(request)))]}


# `:path` lets a slash reach the check that says what an id is
@voices_router.get("/{voice_id:path}")
async def get_voice(request: Request, voice_id: str) -> dict[str, Any]:
    """One of the voices that are listed."""
    voices = _voices(serving(request))
    check_voice_id(voice_id)
    return _shown(found(voices, voice_id))


@voices_router.post("", status_code=_CREATED)
async def register_voice(request: Request) -> dict[str, Any]:
    """Makes a voice; the answer comes when it can be used.

    The body is the JSON of `VoiceRegistration`, or the clip itself (by its content type)
    with all else in the query: ``?voice_id=anna&replace=true&consent={"speaker":"Anna"}``.
    """
    state = serving(request)
    voices = _voices(state)
    made = await (_from_clip if _is_clip(request) else _from_json)(request, state, voices)
    return _shown(made)


@voices_router.delete("/{voice_id:path}", status_code=_NO_CONTENT)
async def delete_voice(request: Request, voice_id: str) -> None:
    """Forgets a registered voice."""
    voices = _voices(serving(request))
    check_voice_id(voice_id)
    await voices.remove(voice_id)


async def _from_json(request: Request, state: State, voices: VoiceRegistry) -> VoiceRegistered:
    body = await text_of(request, state.settings.server.max_voice_frame_bytes)
    return await register(voices, parse(voice_registration, body))


async def _from_clip(request: Request, state: State, voices: VoiceRegistry) -> VoiceRegistered:
    del state
    described = _described(request)
    voices.check_registration(described.voice_id, replace=described.replace)
    return await register_clip(voices, described, await body_of(request, MAX_CLIP_BYTES))


def _is_clip(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith(_CLIP_TYPES)


def _described(request: Request) -> VoiceDescription:
    """What the query says about a clip.

    Raises:
        BadMessage: It says too much, or not what is needed.
    """
    if len(request.url.query) > _MAX_QUERY_CHARS:
        raise BadMessage(f"a query may have {_MAX_QUERY_CHARS} characters")
    values: dict[str, Any] = dict(request.query_params)
    if values.get("replace") in ("true", "false"):
        values["replace"] = values["replace"] == "true"
    if "consent" in values:
        try:
            values["consent"] = json.loads(values["consent"])
        except (ValueError, RecursionError):
            raise BadMessage("consent: it is not valid JSON") from None
    return parse(voice_description, json.dumps(values))


def _voices(state: State) -> VoiceRegistry:
    if state.voices is None:
        raise EngineUnavailable("this process has no speaker")
    return state.voices


def _shown(message: ServerMessage) -> dict[str, Any]:
    return message.model_dump(exclude={"type"}, exclude_none=True)
