"""What a stream is, told from its first bytes.

Containers have magic bytes. Raw audio is float32 if it makes sense when read so, else
int16. Read as float32, int16 audio almost always holds a NaN, something huge (every
small negative sample is one or the other), or mostly values under 1e-8 (every quiet
positive sample is), so it is told apart by values alone.
"""

from enum import StrEnum
from typing import Final

import numpy as np

from voice_agent.errors import UnsupportedFormat


class Kind(StrEnum):
    """A verdict; the containers' values are names of FFmpeg's demuxers."""

    WAV = "wav"
    OGG = "ogg"
    MATROSKA = "matroska"
    MP3 = "mp3"
    FLAC = "flac"
    PCM_S16LE = "pcm_s16le"
    PCM_F32LE = "pcm_f32le"
    SILENCE = "silence"
    MORE = "more"


CONTAINERS: Final = frozenset({Kind.WAV, Kind.OGG, Kind.MATROSKA, Kind.MP3, Kind.FLAC})

_MAGIC: Final = {
    b"OggS": Kind.OGG,
    b"\x1a\x45\xdf\xa3": Kind.MATROSKA,
    b"fLaC": Kind.FLAC,
    b"ID3": Kind.MP3,
}
_RIFF: Final = (b"RIFF", b"RF64")
_FOREIGN: Final = {
    b"FORM": "AIFF",
    b"#!AMR": "AMR",
    b"caff": "CAF",
    b"%PDF-": "PDF",
    b"\x89PNG": "PNG",
    b"\x30\x26\xb2\x75": "WMA",
}
_READABLE: Final = "send WAV, Ogg, WebM, MP3, FLAC or raw PCM"

_TEXT_MIN_BYTES: Final = 16
_TEXT_LOOK_BYTES: Final = 512
_FLOAT_PEAK: Final = 1.5
"""Float audio may go a little over full scale; int16 read as float goes far over."""
_FLOAT_TYPICAL: Final = 1e-8
"""Half of the non-zero floats must reach this (-160 dB)."""


def find_container(head: bytes) -> Kind | None:
    """The container that begins here; `MORE` if it takes more bytes to say, else None.

    Raises:
        UnsupportedFormat: It is a file format that is not read here.
    """
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise UnsupportedFormat(f"{name} is not read here: {_READABLE}")
    if head[4:8] == b"ftyp":
        raise UnsupportedFormat(f"MP4 is not read here: {_READABLE}")
    if head[:4] in _RIFF and len(head) >= 12:
        if head[8:12] == b"WAVE":
            return Kind.WAV
        raise UnsupportedFormat(f"RIFF without WAVE is not read here: {_READABLE}")
    if any(magic.startswith(head[:4]) for magic in (*_MAGIC, *_RIFF)):
        return Kind.MORE
    return _mp3(head)


def find_raw(head: bytes) -> Kind:
    """The raw encoding of a frame that begins a stream and is no container.

    Returns:
        `SILENCE` if all is zero and the length fits both encodings.

    Raises:
        UnsupportedFormat: It is text.
    """
    if _is_text(head):
        raise UnsupportedFormat(f"this is text, not audio: {_READABLE}")
    if len(head) % 4:
        return Kind.PCM_S16LE
    if not head.strip(b"\0"):
        return Kind.SILENCE
    return Kind.PCM_F32LE if _is_float(head) else Kind.PCM_S16LE


def starts_anew(head: bytes) -> bool:
    """True if a container begins here and does not just continue (an Ogg page may)."""
    try:
        kind = find_container(head)
    except UnsupportedFormat:
        return False
    if kind is Kind.OGG:
        return len(head) > 5 and bool(head[5] & 2)  # a page that begins a stream
    return kind in CONTAINERS


def _mp3(head: bytes) -> Kind | None:
    # One frame header is found in noise every few thousand samples; two in a row are not.
    if len(head) < 4:
        return Kind.MORE if head[:1] == b"\xff" and head[1:2] >= b"\xe2"[: len(head) - 1] else None
    length = mp3_frame_bytes(head[:4])
    if length is None:
        return None
    if len(head) < length + 4:
        return Kind.MORE
    return Kind.MP3 if mp3_frame_bytes(head[length : length + 4]) else None


def mp3_frame_bytes(header: bytes) -> int | None:
    """Length of the MPEG layer III frame with this header, None if it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None  # no sync word, or not layer III
    version = (header[1] >> 3) & 3
    bitrate, rate = header[2] >> 4, (header[2] >> 2) & 3
    if version == 1 or bitrate in (0, 15) or rate == 3 or header[3] & 3 == 2:
        return None
    hz = (44_100, 48_000, 32_000)[rate] >> (0 if version == 3 else 1 if version == 2 else 2)
    kbps = (_KBPS_1 if version == 3 else _KBPS_2)[bitrate - 1]
    return (144 if version == 3 else 72) * kbps * 1000 // hz + ((header[2] >> 1) & 1)


_KBPS_1: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_2: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def _is_text(head: bytes) -> bool:
    if len(head) < _TEXT_MIN_BYTES:
        return False
    look = head[:_TEXT_LOOK_BYTES]
    for cut in range(4):  # the look may end inside a character
        try:
            text = look[: len(look) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return all(letter.isprintable() or letter in "\r\n\t\f\ufeff" for letter in text)
    return False


def _is_float(head: bytes) -> bool:
    with np.errstate(invalid="ignore"):
        loud = np.abs(np.frombuffer(head, "<f4"))
        loud = loud[loud != 0]
        # NaN compares false, so the median is only taken of numbers.
        return bool(loud.size and np.all(loud <= _FLOAT_PEAK) and np.median(loud) >= _FLOAT_TYPICAL)
