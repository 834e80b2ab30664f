"""The index of an MP4 (`moov`, `moof`), checked before FFmpeg builds its tables of it.

A table entry that FFmpeg makes has 24 bytes, and a box of 100 bytes may claim a billion of them.
So counts are compared with what is there, and everything is painted over (its box is renamed
`free`, which keeps all offsets) that the sound does not need: films, pictures, subtitles, texts.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from voice_agent.errors import BadAudio, TooLarge, UnsupportedFormat

MAX_SAMPLES: Final = 2**20
"""Packets of sound: six hours of AAC at 48 kHz; FFmpeg's table has 24 MiB then. A stream in
pieces adds up."""

_PCM_SAMPLES_PER_PACKET: Final = 1_024
"""Where each sample is one of PCM, FFmpeg gathers them."""

_MAX_DESCRIPTIONS: Final = 8
_MAX_EDITS: Final = 4
"""FFmpeg makes a table for each; players write one or two, to cut what the encoder put in front."""

_NEEDED: Final = {
    b"moov": {b"mvhd", b"trak", b"mvex"},
    b"trak": {b"tkhd", b"edts", b"mdia"},
    b"edts": {b"elst"},
    b"mdia": {b"mdhd", b"hdlr", b"minf"},
    b"minf": {b"smhd", b"stbl"},
    b"stbl": {b"stsd", b"stts", b"stsc", b"stsz", b"stz2", b"stco", b"co64"},
    b"mvex": {b"trex"},
    b"moof": {b"mfhd", b"traf"},
    b"traf": {b"tfhd", b"tfdt", b"trun"},
}
"""Boxes that stay; those that are keys have boxes inside."""

_ENTRY_BYTES: Final = {b"stts": 8, b"stsc": 12, b"stco": 4, b"co64": 8}


@dataclass(frozen=True, slots=True)
class Box:
    """Where a box is: `data[at:end]`, its content `data[body:end]`."""

    name: bytes
    at: int
    body: int
    end: int


def boxes(data: bytes | bytearray, first: int, end: int) -> Iterator[Box]:
    """The boxes one after another inside another one.

    Raises:
        BadAudio: One is larger than what it is in.
    """
    while end - first >= 8:
        size, name = struct.unpack_from(">I4s", data, first)
        body = first + 8
        if size == 1 and end - first >= 16:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        size = size or end - first  # 0: up to the end
        if size < body - first or size > end - first:
            raise BadAudio("the index of this MP4 is damaged")
        yield Box(name, first, body, first + size)
        first += size


def check_moov(moov: bytearray, *, moved: tuple[int, int] | None = None) -> int:
    """Paints over what is not needed; returns the number of the track with the sound.

    Args:
        moov: The box, changed in place.
        moved: Where offsets were taken from a file in which this box stood at that position:
            the position, and how many bytes stand before the rest now.

    Raises:
        BadAudio: It contradicts itself.
        TooLarge: It has more than `MAX_SAMPLES`.
        UnsupportedFormat: There is no sound in it that can be read.
    """
    track: int | None = None
    for box in _prune(moov, 0, len(moov), b""):
        for part in _prune(moov, box.body, box.end, box.name):
            if part.name != b"trak":
                continue
            if track is None and _is_sound(moov, part):
                track = _check_track(moov, part, moved)
            else:
                _paint_over(moov, part)
    if track is None:
        raise UnsupportedFormat("there is no audio in this mp4 stream")
    return track


def check_moof(moof: bytearray, track: int) -> int:
    """Paints over what is not needed; returns how many packets it announces.

    Raises:
        BadAudio: It contradicts itself.
        TooLarge: It announces more than `MAX_SAMPLES`.
    """
    n_samples = 0
    for box in _prune(moof, 0, len(moof), b""):
        for part in _prune(moof, box.body, box.end, box.name):
            if part.name != b"traf":
                continue
            runs = list(_prune(moof, part.body, part.end, part.name))
            heads = [run for run in runs if run.name == b"tfhd"]
            if not heads or _u32(moof, heads[0], 4) != track:
                _paint_over(moof, part)
                continue
            n_samples += sum(_run_samples(moof, run) for run in runs if run.name == b"trun")
    check_samples(n_samples)
    return n_samples


def check_samples(n_samples: int) -> None:
    """Refuses a stream of too many packets."""
    if n_samples > MAX_SAMPLES:
        raise TooLarge(f"an mp4 stream may have {MAX_SAMPLES} packets of sound; send it in parts")


def _prune(data: bytearray, first: int, end: int, parent: bytes) -> Iterator[Box]:
    """What is needed of the content of a box; paints the rest over."""
    for box in boxes(data, first, end):
        if parent and box.name not in _NEEDED[parent]:
            _paint_over(data, box)
        else:
            yield box


def _paint_over(data: bytearray, box: Box) -> None:
    data[box.at + 4 : box.at + 8] = b"free"


def _is_sound(data: bytearray, track: Box) -> bool:
    for media in boxes(data, track.body, track.end):
        if media.name == b"mdia":
            for part in boxes(data, media.body, media.end):
                if part.name == b"hdlr":
                    return bytes(data[part.body + 8 : part.body + 12]) == b"soun"
    return False


def _check_track(data: bytearray, track: Box, moved: tuple[int, int] | None) -> int:
    found: dict[bytes, Box] = {}
    _gather(data, track, found)
    if b"tkhd" not in found or b"stsd" not in found:
        raise BadAudio("the index of this MP4 is damaged")
    _check_description(data, found[b"stsd"])
    for name, entry_bytes in _ENTRY_BYTES.items():
        if name in found:
            _check_fits(data, found[name], _u32(data, found[name], 4), entry_bytes, 8)
    check_samples(_n_packets(data, found))
    edits = found.get(b"elst")
    if edits and _u32(data, edits, 4) > _MAX_EDITS:
        _paint_over(data, edits)
    if moved:
        _move(data, found, *moved)
    # the number stands after two dates, of 4 or 8 bytes
    return _u32(data, found[b"tkhd"], 20 if data[found[b"tkhd"].body] == 1 else 12)


def _gather(data: bytearray, parent: Box, found: dict[bytes, Box]) -> None:
    for box in _prune(data, parent.body, parent.end, parent.name):
        if box.name in _NEEDED:
            _gather(data, box, found)
        elif box.name in found:
            raise BadAudio("the index of this MP4 is damaged")
        else:
            found[box.name] = box


def _check_description(data: bytearray, description: Box) -> None:
    if not 1 <= _u32(data, description, 4) <= _MAX_DESCRIPTIONS:
        raise BadAudio("the index of this MP4 is damaged")
    if bytes(data[description.body + 12 : description.body + 16]) in (b"enca", b"drms"):
        raise UnsupportedFormat("this mp4 stream is encrypted")


def _n_packets(data: bytearray, found: dict[bytes, Box]) -> int:
    """How many entries FFmpeg makes; counts in tables are compared with what is there."""
    if b"stz2" in found:
        n_samples = _u32(data, found[b"stz2"], 8)
        bits = data[found[b"stz2"].body + 7]
        _check_fits(data, found[b"stz2"], n_samples * bits, 0.125, 12)
    elif b"stsz" in found:
        n_samples = _u32(data, found[b"stsz"], 8)
        if not _u32(data, found[b"stsz"], 4):
            _check_fits(data, found[b"stsz"], n_samples, 4, 12)
    else:
        n_samples = 0
    times = found.get(b"stts")
    n_times = _u32(data, times, 4) if times else 0
    entries = (
        [struct.unpack_from(">II", data, times.body + 8 + 8 * n) for n in range(n_times)]
        if times
        else []
    )
    if len(entries) == 1 and entries[0][1] == 1:
        return -(-max(n_samples, entries[0][0]) // _PCM_SAMPLES_PER_PACKET)
    return max(n_samples, sum(count for count, _ in entries))


def _check_fits(
    data: bytearray, box: Box, count: int, entry_bytes: float, header_bytes: int
) -> None:
    del data
    if count * entry_bytes > box.end - box.body - header_bytes:
        raise BadAudio("the index of this MP4 is damaged")


def _move(data: bytearray, found: dict[bytes, Box], position: int, by: int) -> None:
    for name, code in ((b"stco", ">I"), (b"co64", ">Q")):
        if name not in found:
            continue
        table, width = found[name], struct.calcsize(code)
        for at in range(table.body + 8, table.body + 8 + width * _u32(data, table, 4), width):
            (offset,) = struct.unpack_from(code, data, at)
            if offset >= position:
                continue
            if width == 4 and offset + by > 0xFFFF_FFFF:
                raise TooLarge("the index of this MP4 is at its end, and it has more than 4 GiB")
            struct.pack_into(code, data, at, offset + by)


def _run_samples(data: bytearray, run: Box) -> int:
    flags, count = _u32(data, run, 0) & 0xFFFFFF, _u32(data, run, 4)
    header = 8 + 4 * (bool(flags & 1) + bool(flags & 4))
    _check_fits(data, run, count, 4 * sum(bool(flags & bit) for bit in _RUN_FIELDS), header)
    return count


_RUN_FIELDS: Final = (0x100, 0x200, 0x400, 0x800)
"""Of each packet of a run, if the flag is set: duration, size, flags, time."""


def _u32(data: bytearray, box: Box, at: int) -> int:
    if box.body + at + 4 > box.end:
        raise BadAudio("the index of this MP4 is damaged")
    (value,) = struct.unpack_from(">I", data, box.body + at)
    return value
