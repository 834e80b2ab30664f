"""What a stream is, told from its first bytes.

Containers have magic bytes. Raw audio is float32 if it makes sense when read so, else
int16 if it can be that at all. Read as float32, int16 audio almost always holds a NaN,
something huge (every small negative sample is one or the other), or mostly values under 1e-8
(every quiet positive sample is), so it is told apart by values alone.
"""

from typing import Final

import numpy as np

from voice_agent.audio.frames import find_frames, find_middle, first_frame
from voice_agent.audio.id3 import is_tag
from voice_agent.audio.magic import (
    CONTAINERS,
    FOREIGN,
    MAGIC,
    MP4_MIDST,
    MP4_STARTS,
    READABLE,
    RIFF,
    Kind,
)
from voice_agent.audio.plausible import is_doubtful, may_be_samples
from voice_agent.errors import UnsupportedFormat

_TEXT_MIN_BYTES: Final = 16
_TEXT_LOOK_BYTES: Final = 512
_FLOAT_PEAK: Final = 1.5
"""Float audio may go a little over full scale; int16 read as float goes far over."""
_FLOAT_TYPICAL: Final = 1e-8
"""Half of the non-zero floats must reach this (-160 dB)."""
_FLOAT_MIN_BYTES: Final = 64
"""A few samples of int16 may look like floats."""
_TS_PACKET_BYTES: Final = 188
_CUT_RECORDING: Final = (
    "this recording lacks its beginning, without which it cannot be read: "
    "send all of its pieces, from the first on"
)


def find_container(head: bytes) -> Kind | None:
    """The container that begins here; `MORE` if it takes more bytes to say, else None.

    `ID3` is a tag, after which another container begins.

    Raises:
        UnsupportedFormat: It is a file format that is not read here.
    """
    if is_tag(head):
        return Kind.ID3
    for magic, kind in MAGIC.items():
        if head.startswith(magic):
            return kind
    for magic, name in FOREIGN.items():
        if head.startswith(magic):
            raise UnsupportedFormat(f"{name} is not read here: {READABLE}")
    if head[:4] in RIFF and len(head) >= 12:
        if head[8:12] == b"WAVE":
            return Kind.WAV
        raise UnsupportedFormat(f"RIFF without WAVE is not read here: {READABLE}")
    if head[:4] == b"FORM" and len(head) >= 12:
        if head[8:12] in (b"AIFF", b"AIFC"):
            return Kind.AIFF
        raise UnsupportedFormat(f"FORM without AIFF is not read here: {READABLE}")
    return _begun(head) or _mp4(head) or _headless(head)


def find_tagged(head: bytes) -> Kind | None:
    """As `find_container`, for what follows an ID3 tag."""
    kind = find_container(head)
    return kind if kind in CONTAINERS else first_frame(head) or kind


def find_raw(head: bytes, *, may_be_float: bool = True) -> Kind:
    """The raw encoding of a frame that begins a stream and is no container.

    Args:
        head: The frame, or several.
        may_be_float: All of them had whole floats.

    Returns:
        `SILENCE` if all is zero and the length fits both encodings, `MORE` if it takes
        more bytes to say.

    Raises:
        UnsupportedFormat: It is text, or cannot be samples.
    """
    if _is_text(head):
        raise UnsupportedFormat(f"this is text, not audio: {READABLE}")
    if may_be_float and not len(head) % 4:
        if not head.strip(b"\0"):
            return Kind.SILENCE
        if _is_float(head):
            return Kind.PCM_F32LE if len(head) >= _FLOAT_MIN_BYTES else Kind.MORE
    if is_doubtful(head):
        return Kind.MORE
    check_samples(head)
    return Kind.PCM_S16LE


def check_samples(data: bytes) -> None:
    """Refuses what cannot be 16-bit samples.

    Raises:
        UnsupportedFormat: It is as random as compressed data, or has other samples.
    """
    if not may_be_samples(data):
        raise UnsupportedFormat(
            "these bytes are no 16-bit samples (compressed, or 8 or 24 bits a sample?): "
            f"{READABLE}, or say the encoding in a config message"
        )


def starts_anew(head: bytes) -> bool:
    """True if a container begins here and does not just continue (an Ogg page may)."""
    try:
        kind = find_container(head)
    except UnsupportedFormat:
        return False
    if kind is Kind.OGG:
        return len(head) > 5 and bool(head[5] & 2)  # a page that begins a stream
    return kind in CONTAINERS or kind is Kind.ID3


def _begun(head: bytes) -> Kind | None:
    """`MORE` if this may be the first bytes of a magic value."""
    chunked = (*RIFF, b"FORM")
    begun = any(magic.startswith(head) for magic in (*MAGIC, *FOREIGN, *chunked, b"ID3"))
    return Kind.MORE if begun or head[:4] in chunked else None


def _mp4(head: bytes) -> Kind | None:
    # its first bytes are the length of a box: zeros, mostly
    if len(head) < 8:
        known = any(name.startswith(head[4:]) for name in (*MP4_STARTS, *MP4_MIDST))
        return Kind.MORE if known and head[:2].strip(b"\0") == b"" else None
    if head[4:8] in MP4_MIDST:
        raise UnsupportedFormat(_CUT_RECORDING)
    return Kind.MP4 if head[4:8] in MP4_STARTS else None


def _headless(head: bytes) -> Kind | None:
    middle = find_middle(head)
    if middle is Kind.MATROSKA:
        raise UnsupportedFormat(_CUT_RECORDING)
    if head[:2] == b"\xff\xfe" and len(head) < _TEXT_MIN_BYTES:
        return Kind.MORE  # UTF-16, perhaps
    if head[:1] == b"G" and _every(head, _TS_PACKET_BYTES, 3):
        raise UnsupportedFormat(f"MPEG-TS is not read here: {READABLE}")
    return middle or find_frames(head)


def _every(head: bytes, step: int, times: int) -> bool:
    """The first byte comes again after each step."""
    return len(head) > step * (times - 1) and head[: step * times : step] == head[:1] * times


def _is_text(head: bytes) -> bool:
    if len(head) < _TEXT_MIN_BYTES:
        return False
    look = head[:_TEXT_LOOK_BYTES]
    if look[:2] == b"\xff\xfe":
        try:
            return _is_printed(look[: len(look) // 2 * 2].decode("utf-16"))
        except UnicodeDecodeError:
            return False
    for cut in range(4):  # the look may end inside a character
        try:
            text = look[: len(look) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return _is_printed(text)
    return False


def _is_printed(text: str) -> bool:
    return all(letter.isprintable() or letter in "\r\n\t\f\ufeff" for letter in text)


def _is_float(head: bytes) -> bool:
    with np.errstate(invalid="ignore"):
        loud = np.abs(np.frombuffer(head, "<f4"))
        loud = loud[loud != 0]
        # NaN compares false, so the median is only taken of numbers.
        return bool(loud.size and np.all(loud <= _FLOAT_PEAK) and np.median(loud) >= _FLOAT_TYPICAL)
