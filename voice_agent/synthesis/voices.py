"""The voices of a speaker, as clients see them."""

import asyncio
import binascii

from voice_agent.engines.base import Speaker
from voice_agent.errors import BadAudio, TooLarge, Unsupported
from voice_agent.wire.tts import Voice, VoiceRegistration

MAX_CLIP_BYTES = 10 << 20
_STEP_CHARS = 1 << 20  # 2 ms of decoding; others run in between


def listed(speaker: Speaker) -> list[Voice]:
    """All voices, the default first."""
    return [
        Voice(voice_id=v.voice_id, name=v.name, language=v.language, cloned=v.cloned)
        for v in speaker.voices
    ]


async def register(speaker: Speaker, registration: VoiceRegistration) -> None:
    """Makes a voice from a clip.

    Raises:
        TooLarge: The clip has more than 10 MiB.
        BadAudio: It is not base64.
        Unsupported: No speaker that is built in can clone.
    """
    await _clip(registration.reference_audio)
    raise Unsupported(
        f"the {speaker.info.name} engine cannot clone a voice; it speaks with its own, "
        "see list_voices"
    )


def remove(speaker: Speaker, voice_id: str) -> None:
    """Forgets a registered voice.

    Raises:
        VoiceNotFound: No such voice.
        Unsupported: It is one of the engine's own.
    """
    speaker.check_voice(voice_id, None)
    raise Unsupported(f"the voice {voice_id} is built into the engine and stays")


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
