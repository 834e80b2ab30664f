"""MP4 and QuickTime, brought into the order in which they can be decoded as they come.

What a telephone or an editor writes has its index (`moov`) at the end: the bytes before it are
kept until it is there, then all goes on with the index in front. What a browser records comes in
fragments, each with an index of its own (`moof`), and passes as it comes.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from voice_agent.audio.magic import MP4_STARTS
from voice_agent.audio.mp4_index import check_moof, check_moov, check_samples
from voice_agent.errors import BadAudio, TooLarge, UnsupportedFormat

MAX_KEPT_BYTES: Final = 20 * 2**20
"""Before the index: 40 minutes of sound as telephones record it (64 kbit/s)."""

MAX_INDEX_BYTES: Final = 16 * 2**20
"""Of `moov`: `MAX_SAMPLES` of sound and a film beside it fit."""

_MAX_FRAGMENT_INDEX_BYTES: Final = 2**20

_PASSED: Final = (b"ftyp", b"mdat")
"""The rest is painted over: it is not needed, and FFmpeg would read it."""


class Mp4Sieve:
    """The boxes of one stream, in pieces of any size, in order and checked.

    Until the index has come, `push` returns nothing and keeps what came. Nothing else is kept
    but the box that is being gathered.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._kept = bytearray()
        self._left_bytes: int | None = 0  # of the box that passes; None: it never ends
        self._track: int | None = None
        self._n_samples = 0

    @property
    def waits_for_index(self) -> bool:
        """Nothing can be decoded yet."""
        return self._track is None

    def push(self, data: bytes) -> bytes:
        """Takes the next bytes; returns what can go on to a decoder.

        Raises:
            BadAudio: It is damaged.
            TooLarge: The index comes too late, or is too large.
            UnsupportedFormat: There is no sound in it that can be read.
        """
        self._pending += data
        out = bytearray()
        while self._step(out):
            pass
        return bytes(out)

    def _step(self, out: bytearray) -> bool:
        if self._left_bytes != 0:
            return self._pass(out)
        header = _header(self._pending)
        if header is None:
            return False
        name, size = header
        if name in (b"moov", b"moof"):
            return self._index(name, size, out)
        if name not in _PASSED:
            self._pending[4:8] = b"free"
        if name == b"mdat" and size is None and self._track is None:
            raise BadAudio("this MP4 has no index: it was not finished")
        self._left_bytes = size
        return True

    def _pass(self, out: bytearray) -> bool:
        n_bytes = len(self._pending)
        if self._left_bytes is not None:
            n_bytes = min(n_bytes, self._left_bytes)
            self._left_bytes -= n_bytes
        self._emit(self._pending[:n_bytes], out)
        del self._pending[:n_bytes]
        return self._left_bytes == 0

    def _emit(self, piece: bytearray, out: bytearray) -> None:
        if self._track is not None:
            out += piece
            return
        self._kept += piece
        if len(self._kept) > MAX_KEPT_BYTES:
            raise TooLarge(
                f"the index of this MP4 is not in its first {MAX_KEPT_BYTES >> 20} MiB: write it "
                "to the front (ffmpeg -c copy -movflags +faststart), or send the sound alone"
            )

    def _index(self, name: bytes, size: int | None, out: bytearray) -> bool:
        limit = MAX_INDEX_BYTES if name == b"moov" else _MAX_FRAGMENT_INDEX_BYTES
        if size is None or size > limit:
            raise TooLarge(f"an index of an MP4 may have {limit} bytes")
        if len(self._pending) < size:
            return False
        box = self._pending[:size]
        del self._pending[:size]
        if name == b"moof":
            self._fragment(box)
        elif self._track is None:
            out += self._begin(box)
            return True
        else:
            box[4:8] = b"free"  # a second one
        out += box
        return True

    def _fragment(self, box: bytearray) -> None:
        if self._track is None:
            raise UnsupportedFormat("this MP4 recording lacks its first piece")
        self._n_samples += check_moof(box, self._track)
        check_samples(self._n_samples)

    def _begin(self, moov: bytearray) -> bytes:
        kept, self._kept = self._kept, bytearray()
        has_media = any(name == b"mdat" for name, _, _ in _listed(kept))
        self._track = check_moov(moov, moved=(len(kept), len(moov)) if has_media else None)
        if not has_media:
            return bytes(kept + moov)
        first = next((end for name, _, end in _listed(kept) if name == b"ftyp"), 0)
        return bytes(kept[:first] + moov + kept[first:])


def in_order(file: BinaryIO, chunk: int) -> Iterator[bytes]:
    """The bytes of a file, the index of an MP4 first; for a file of any kind and length.

    Raises:
        BadAudio, TooLarge, UnsupportedFormat: As `Mp4Sieve.push`.
        OSError: It cannot be read.
    """
    at = _late_index(file) if file.read(8)[4:] in MP4_STARTS else None
    file.seek(0)
    if at is not None:
        position, size = at
        file.seek(position)
        moov = bytearray(file.read(size))
        check_moov(moov, moved=(position, len(moov)))
        file.seek(0)
        first = _header(bytearray(file.read(16))) or (b"", 0)
        file.seek(0)
        n_first = first[1] or 0 if first[0] == b"ftyp" else 0
        yield file.read(n_first) + moov
        left = position - n_first
        while left and (data := file.read(min(chunk, left))):
            left -= len(data)
            yield data
        file.seek(position + size)
    while data := file.read(chunk):
        yield data


def _late_index(file: BinaryIO) -> tuple[int, int] | None:
    """Where the index is, and its length, if it comes after the sound."""
    position, media = 0, False
    for _ in range(_MAX_BOXES):
        file.seek(position)
        header = _header(bytearray(file.read(16)))
        if header is None:
            return None
        name, size = header
        if name == b"moov":
            if not media or size is None:
                return None
            if size > MAX_INDEX_BYTES:
                raise TooLarge(f"an index of an MP4 may have {MAX_INDEX_BYTES} bytes")
            return position, size
        if name == b"moof" or size is None:
            return None
        media = media or name == b"mdat"
        position += size
    return None


_MAX_BOXES: Final = 64
"""Looked at before the index is given up; there are two to five."""


def _listed(data: bytearray) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    while (header := _header(data[at : at + 16])) is not None:
        name, size = header
        if size is None:
            return
        yield name, at, at + size
        at += size


def _header(data: bytearray) -> tuple[bytes, int | None] | None:
    """Name and length (None: up to the end) of the box that begins here, if it is all there.

    Raises:
        BadAudio: It is none.
    """
    if len(data) < 8:
        return None
    size, name = struct.unpack_from(">I4s", data)
    if not name.isascii() or not name.decode("ascii").isprintable():
        raise BadAudio("this MP4 is damaged")
    if size == 1:
        if len(data) < 16:
            return None
        (size,) = struct.unpack_from(">Q", data, 8)
        if size < 16:
            raise BadAudio("this MP4 is damaged")
    elif size == 0:
        return name, None
    elif size < 8:
        raise BadAudio("this MP4 is damaged")
    return name, size
