"""ID3 tags before MP3, AAC or FLAC: passed over, whatever they hold."""

from typing import Final

from voice_agent.errors import BadAudio

HEADER_BYTES: Final = 10

MAX_BYTES: Final = 20 * 2**20
"""Of a tag; a large cover picture fits."""


def is_tag(head: bytes) -> bool:
    """True if a tag begins here, as far as can be seen: any three bytes are samples too."""
    version, digits = head[3:4], head[6:HEADER_BYTES]
    return (
        head[:3] == b"ID3"
        and version in (b"", b"\2", b"\3", b"\4")
        and all(digit < 0x80 for digit in digits)
    )


def tag_bytes(head: bytes) -> int:
    """Length of the tag that begins with these 10 bytes.

    Raises:
        BadAudio: It is too long.
    """
    size = 0
    for digit in head[6:HEADER_BYTES]:
        size = size << 7 | digit
    size += HEADER_BYTES * (2 if head[5] & 0x10 else 1)  # a footer may follow
    if size > MAX_BYTES:
        raise BadAudio(f"an ID3 tag may have {MAX_BYTES} bytes, this one has {size}")
    return size
