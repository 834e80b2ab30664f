"""The voices of a service, as clients see them and make them."""

import asyncio
import binascii

from voice_agent.errors import BadAudio, TooLarge, VoiceNotFound
from voice_agent.voices.clip import MAX_CLIP_BYTES
from voice_agent.voices.registry import Registration, VoiceRegistry
from voice_agent.wire.tts import Voice, VoiceDescription, VoiceRegistered, VoiceRegistration

_STEP_CHARS = 1 << 20  # 2 ms of decoding; others run in between


def listed(voices: VoiceRegistry) -> list[Voice]:
    """All voices: the engine's own, the default first, then the registered ones by id.

    Names and ids are shown; consent and clips never leave the service.
    """
    own = [
        Voice(
            voice_id=v.voice_id,
            name=v.name,
            language=v.language,
            cloned=v.cloned,
            licence=v.licence or None,
        )
        for v in voices.own
    ]
    registered = [
        Voice(
            voice_id=record.voice_id,
            name=record.name,
            language=voices.language,
            cloned=True,
            duration_s=record.duration_s,
            created=record.created,
        )
        for record in voices.registered()
    ]
    return own + registered


def found(voices: VoiceRegistry, voice_id: str) -> Voice:
    """One of the voices that are listed.

    Raises:
        VoiceNotFound: No such voice.
    """
    for voice in listed(voices):
        if voice.voice_id == voice_id:
            return voice
    raise VoiceNotFound(f"there is no voice {voice_id}; GET /v1/voices says which there are")


async def register(voices: VoiceRegistry, registration: VoiceRegistration) -> VoiceRegistered:
    """Makes a voice from a clip in base64. Raises as `VoiceRegistry.register`, and:

    Raises:
        TooLarge: The clip has more than 10 MiB.
        BadAudio: It is not base64.
    """
    voices.check_registration(registration.voice_id, replace=registration.replace)
    return await register_clip(voices, registration, await _clip(registration.reference_audio))


async def register_clip(
    voices: VoiceRegistry, description: VoiceDescription, clip: bytes
) -> VoiceRegistered:
    """Makes a voice from a file. Raises as `VoiceRegistry.register`."""
    consent = description.consent
    made = await voices.register(
        Registration(
            voice_id=description.voice_id,
            clip=clip,
            name=description.name or "",
            consent=None if consent is None else consent.model_dump(),
            replace=description.replace,
        )
    )
    return VoiceRegistered(
        voice_id=made.voice_id, duration_s=made.duration_s, notes=list(made.notes) or None
    )


async def _clip(text: str) -> bytes:
    """The bytes of a clip."""
    padding = len(text) - len(text.rstrip("="))
    n_bytes = len(text) // 4 * 3 - padding
    if n_bytes > MAX_CLIP_BYTES:
        raise TooLarge(f"a clip may have {MAX_CLIP_BYTES} bytes, this one has {n_bytes}")
    if n_bytes <= 0:
        raise BadAudio("the clip is empty, or not base64")
    clip = bytearray()
    for at in range(0, len(text), _STEP_CHARS):
        try:
            clip += binascii.a2b_base64(text[at : at + _STEP_CHARS], strict_mode=True)
        except (binascii.Error, ValueError):
            raise BadAudio("the clip is not base64") from None
        await asyncio.sleep(0)
    return bytes(clip)
