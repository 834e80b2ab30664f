"""Speech-like sound and files of it in every format, made when a test asks for them."""

import io
import struct
import tempfile
from functools import cache
from pathlib import Path
from typing import cast

import av
import numpy as np
import soundfile
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from voice_agent.audio.pcm import float_to_int16
from voice_agent.audio.stream_decoder import StreamDecoder
from voice_agent.errors import VoiceAgentError

ENCODED = (
    *("ogg-opus", "ogg-opus-live", "ogg-vorbis", "webm", "mp3", "mp3-bare", "flac"),
    *("m4a", "m4a-late", "mp4-live", "m4a-alac", "mov", "aac", "aac-tagged"),
    *("au", "au-mulaw", "aiff", "wav-adpcm", "wav-ima", "wav-mp3", "amr"),
)


@cache
def tones(seconds: float, rate_hz: int) -> NDArray[np.float32]:
    """Five tones below 3.4 kHz that swell three times a second."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    parts = ((220, 0.2), (440, 0.15), (700, 0.1), (1500, 0.05), (2600, 0.03))
    sound = sum(level * np.sin(2 * np.pi * hz * t + hz) for hz, level in parts)
    return (sound * (0.6 + 0.4 * np.sin(6 * np.pi * t))).astype(np.float32)


def interleaved(mono: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """One row for each sample; the channels differ, their average is `mono`."""
    if channels == 1:
        return mono[:, None]
    return np.stack((mono * 1.5, mono * 0.5), axis=1)


@cache
def wav(
    seconds: float = 1.0, rate_hz: int = 16_000, channels: int = 1, sub: str = "PCM_16"
) -> bytes:
    """A WAV file."""
    return _soundfile("WAV", sub, seconds, rate_hz, channels)


def streamed(file: bytes, size: int) -> bytes:
    """A WAV file as a program writes it that does not know the length."""
    at = file.index(b"data") + 4
    return (
        file[:4] + struct.pack("<I", size) + file[8:at] + struct.pack("<I", size) + file[at + 4 :]
    )


def _soundfile(kind: str, sub: str, seconds: float, rate_hz: int, channels: int) -> bytes:
    file = io.BytesIO()
    sound = interleaved(tones(seconds, rate_hz), channels)
    soundfile.write(file, sound, rate_hz, format=kind, subtype=sub)
    return file.getvalue()


@cache
def encoded(name: str, seconds: float = 1.0, rate_hz: int = 48_000, channels: int = 1) -> bytes:
    """A file in one of `ENCODED`."""
    if name == "ogg-vorbis":
        return _soundfile("OGG", "VORBIS", seconds, rate_hz, channels)
    kind, codec, options = {
        "ogg-opus": ("ogg", "libopus", {}),
        "ogg-opus-live": ("ogg", "libopus", {"page_duration": "20000"}),
        "webm": ("webm", "libopus", {"live": "1"}),
        "mp3": ("mp3", "libmp3lame", {}),
        "mp3-bare": ("mp3", "libmp3lame", {"id3v2_version": "0", "write_xing": "0"}),
        "flac": ("flac", "flac", {}),
        "m4a": ("ipod", "aac", {"movflags": "faststart"}),
        "m4a-late": ("ipod", "aac", {}),
        "mp4-live": ("mp4", "aac", {"movflags": "empty_moov+default_base_moof+frag_every_frame"}),
        "m4a-alac": ("ipod", "alac", {}),
        "mov": ("mov", "aac", {}),
        "aac": ("adts", "aac", {}),
        "aac-tagged": ("adts", "aac", {"write_id3v2": "1"}),
        "au": ("au", "pcm_s16be", {}),
        "au-mulaw": ("au", "pcm_mulaw", {}),
        "aiff": ("aiff", "pcm_s16be", {}),
        "wav-adpcm": ("wav", "adpcm_ms", {}),
        "wav-ima": ("wav", "adpcm_ima_wav", {}),
        "wav-mp3": ("wav", "libmp3lame", {}),
        "amr": ("amr", "libopencore_amrnb", {}),
    }[name]
    if name == "amr":
        rate_hz, channels = 8_000, 1  # it knows nothing else
    sound = float_to_int16(interleaved(tones(seconds, rate_hz), channels))
    return mux(sound, kind, codec, rate_hz, options)


def mux(
    sound: NDArray[np.int16], kind: str, codec: str, rate_hz: int, options: dict[str, str]
) -> bytes:
    """`sound` (a row for each sample) in a container."""
    layout = "stereo" if sound.shape[1] == 2 else "mono"
    with (
        tempfile.NamedTemporaryFile() as file,  # FFmpeg opens it by name to move an index
        av.open(file.name, "w", format=kind, options=options) as container,
    ):
        stream = cast(AudioStream, container.add_stream(codec, rate=rate_hz, layout=layout))
        if codec != "flac":
            stream.bit_rate = 12_200 if codec == "libopencore_amrnb" else 96_000
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate_hz
        wanted = stream.codec_context.format.name if stream.codec_context.format else "s16"
        for part in av.AudioResampler(wanted, layout, rate_hz).resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
        container.close()
        return Path(file.name).read_bytes()


@cache
def video_only() -> bytes:
    """A WebM file without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(5):
            picture = np.zeros((32, 32, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def error_db(heard: NDArray[np.int16], said: NDArray[np.float32]) -> float:
    """Level of the difference against the level of what was said."""
    n_samples = min(len(heard), len(said))
    difference = heard[:n_samples] / 32_768 - said[:n_samples]
    return float(10 * np.log10(np.mean(difference**2) / np.mean(said[:n_samples] ** 2)))


async def read(
    data: bytes, chunk: int | None = None, **values: object
) -> tuple[NDArray[np.int16], VoiceAgentError | None]:
    """All that a reader makes of `data`, and the error, if there was one, which ends it."""
    reader = StreamDecoder()
    await reader.configure(**values)  # pyright: ignore[reportArgumentType]
    pieces = [np.zeros(0, np.int16)]
    error = None
    try:
        step = chunk or max(len(data), 1)
        for first in range(0, len(data), step):
            pieces += [piece async for piece in reader.stream(data[first : first + step])]
        async for piece in reader.finish():
            pieces.append(piece)
    except VoiceAgentError as raised:
        error = raised
    finally:
        await reader.close()
    return np.concatenate(pieces), error
