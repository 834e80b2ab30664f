"""Reads and writes protobuf fields, without knowing what they mean."""

from collections.abc import Iterable, Iterator

_VARINT, _BYTES = 0, 2  # wire types


class BadProtobuf(Exception):
    """The bytes are no protobuf, or are cut off."""


def fields(view: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Number, all bytes, and value of each field; the value of a varint is its bytes.

    Raises:
        BadProtobuf: They are no fields.
    """
    at, end = 0, len(view)
    while at < end:
        start = at
        key, at = _varint(view, at)
        match key & 7:
            case 0:
                begin = at
                _, at = _varint(view, at)
            case 1:
                begin, at = at, at + 8
            case 2:
                size, at = _varint(view, at)
                begin, at = at, at + size
            case 5:
                begin, at = at, at + 4
            case kind:
                raise BadProtobuf(f"a field of wire type {kind}")
        if at > end:
            raise BadProtobuf("it is cut off")
        yield key >> 3, view[start:at], view[begin:at]


def integers(value: memoryview) -> list[int]:
    """Of a varint, or of several that are packed; as signed numbers of 64 bits."""
    at, found = 0, list[int]()
    while at < len(value):
        number, at = _varint(value, at)
        found.append(number - (1 << 64) if number >> 63 else number)
    return found


def integer_field(number: int, value: int) -> bytes:
    """A field with a number that is not negative."""
    return _encoded(number << 3 | _VARINT) + _encoded(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """A field with bytes, a text, or a message."""
    return _encoded(number << 3 | _BYTES) + _encoded(len(value)) + value


def packed_field(number: int, values: Iterable[int]) -> bytes:
    """A field with numbers that are not negative."""
    return bytes_field(number, b"".join(_encoded(value) for value in values))


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        if at >= len(view):
            raise BadProtobuf("it is cut off")
        byte = view[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7
        if shift > 63:
            raise BadProtobuf("a number of more than 64 bits")


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
