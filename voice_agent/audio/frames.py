"""Streams without a header: frames of MPEG audio and AAC, blocks of WebM, known by two in a row.

One frame header is found in noise every few thousand samples; where its length points to
another one, it is no accident.
"""

from collections.abc import Callable
from typing import Final

from voice_agent.audio.magic import MATROSKA_CLUSTER, Kind

_MAX_BLOCK_BYTES: Final = 8_192
"""Of a block of sound in WebM; 120 ms of Opus at its highest rate have 7,664."""


def find_frames(head: bytes) -> Kind | None:
    """MP3 or AAC that begins here; `MORE` if it takes more bytes to say, else None."""
    if head[:1] != b"\xff":
        return None
    if len(head) < 2:
        return Kind.MORE
    if head[1] & 0xF6 == 0xF0:
        return _two(head, 7, adts_frame_bytes, Kind.AAC)
    if head[1] & 0xE6 == 0xE2:
        return _two(head, 4, mp3_frame_bytes, Kind.MP3)
    return None


def first_frame(head: bytes) -> Kind | None:
    """As `find_frames` where one header is enough: after a tag."""
    if adts_frame_bytes(head[:7]):
        return Kind.AAC
    return Kind.MP3 if mp3_frame_bytes(head[:4]) else None


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


def adts_frame_bytes(header: bytes) -> int | None:
    """Length of the AAC frame with this ADTS header, None if it is none."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return None
    rate = (header[2] >> 2) & 15
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if rate < 13 and length > 7 else None


def find_middle(head: bytes) -> Kind | None:
    """`MATROSKA` if WebM goes on here that began earlier; `MORE` if it takes more bytes to say.

    A browser's recording comes in pieces; all but the first begin with a cluster, or with
    a block of sound inside one.
    """
    if MATROSKA_CLUSTER.startswith(head[:4]):
        return Kind.MATROSKA if len(head) >= 4 else Kind.MORE
    block = _simple_block_bytes(head)
    if not block:
        return Kind.MORE if block is None else None
    rest = head[block:]
    if len(rest) < 4:
        return Kind.MORE
    if rest[:4] == MATROSKA_CLUSTER:
        return Kind.MATROSKA
    following = _simple_block_bytes(rest)
    return Kind.MORE if following is None else Kind.MATROSKA if following else None


def _simple_block_bytes(head: bytes) -> int | None:
    """Length of the block of sound that begins here; 0 if none does, None if it is cut short."""
    if head[:1] != b"\xa3":
        return 0
    if len(head) < 7:
        return None
    wide = head[1] < 0x80  # a size of two bytes
    size = (head[1] & 0x3F) << 8 | head[2] if wide else head[1] & 0x7F
    if (wide and head[1] < 0x40) or not 4 < size <= _MAX_BLOCK_BYTES:
        return 0
    track, flags = head[2 + wide], head[5 + wide]
    return 2 + wide + size if 0x81 <= track <= 0x84 and not flags & 0x70 else 0


def _two(
    head: bytes, header_bytes: int, frame_bytes: Callable[[bytes], int | None], kind: Kind
) -> Kind | None:
    if len(head) < header_bytes:
        return Kind.MORE
    length = frame_bytes(head[:header_bytes])
    if length is None:
        return None
    if len(head) < length + header_bytes:
        return Kind.MORE
    return kind if frame_bytes(head[length : length + header_bytes]) else None
