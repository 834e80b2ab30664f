"""Reference clips for tests: speech-like hums whose pitch says whose they are."""

import io

import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.audio.media import mux
from voice_agent.audio.pcm import float_to_int16


def hum(
    pitch_hz: float, seconds: float = 2.0, rate_hz: int = 24_000, level: float = 0.2
) -> NDArray[np.float32]:
    """A tone with an overtone that swells three times a second."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    sound = np.sin(2 * np.pi * pitch_hz * t) + 0.3 * np.sin(4 * np.pi * pitch_hz * t)
    return (level * sound * (0.7 + 0.3 * np.sin(6 * np.pi * t))).astype(np.float32)


def wav(
    sound: NDArray[np.float32], rate_hz: int = 24_000, channels: int = 1, sub: str = "PCM_16"
) -> bytes:
    """A WAV file; all channels have the same."""
    file = io.BytesIO()
    frames = np.repeat(sound[:, None], channels, axis=1)
    soundfile.write(file, frames, rate_hz, format="WAV", subtype=sub)
    return file.getvalue()


def voice(pitch_hz: float = 220.0, seconds: float = 2.0) -> bytes:
    """A clip that can become a voice."""
    return wav(hum(pitch_hz, seconds))


def encoded(sound: NDArray[np.float32], kind: str, rate_hz: int = 48_000) -> bytes:
    """The sound as `mp3`, `flac`, `ogg` (Opus) or `webm`."""
    codec = {"mp3": "libmp3lame", "flac": "flac", "ogg": "libopus", "webm": "libopus"}[kind]
    return mux(float_to_int16(sound)[:, None], kind, codec, rate_hz, {})


def flac_bomb(hours: float = 3.0) -> bytes:
    """Hours of silence in a small file."""
    file = io.BytesIO()
    rate_hz = 8000
    with soundfile.SoundFile(
        file, "w", samplerate=rate_hz, channels=1, format="FLAC", subtype="PCM_16"
    ) as writer:
        minute = np.zeros(60 * rate_hz, np.int16)
        for _ in range(round(hours * 60)):
            writer.write(minute)
    return file.getvalue()
