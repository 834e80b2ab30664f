"""What the engine and its worker process say to each other over a pipe.

A frame is ``length: u32, kind: u8, job: u32, body: length − 5 bytes``; all numbers are
little-endian. One job is one clause; the engine sends the next when the last is over.
Other engines have their texts put into phonemes here: then a job is a text.

To the worker, on its stdin (its end means: exit now):

======  =====================================================================
SPEAK   ``words_per_minute: u16, len(voice): u8, voice, text``, both UTF-8
CANCEL  empty; of a job that is over already: nothing happens
ASK     ``len(voice): u8, voice, text``: put it into phonemes
======  =====================================================================

From the worker, on its stdout:

======  =====================================================================
HELLO   JSON, once, job 0: ``version``, ``sample_rate_hz``, ``variants``, and ``voices``
        with ``file``, ``name`` and ``languages`` (pairs of priority and code)
AUDIO   ``n: u16``, n marks ``kind: u8, sample: u32, start: u32, length: u32``, then
        samples, int16
DONE    ``cancelled: u8``: nothing more comes for this job
SAID    JSON: ``ipa``, ``words`` (pairs of start and end in the text), ``owners`` (of each
        character of ``ipa`` the word that it belongs to, or -1), ``ends_sentence``
FAILED  a sentence: the job cannot be spoken; nothing more comes for it
======  =====================================================================

A mark says where the job's text is at a sample of the job's audio. ``WORD``: the word
``text[start:start + length]`` begins. ``END``: what stands before ``start`` has been said.
"""

import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

MAX_FRAME_BYTES = 1 << 20
"""No clause and no piece of audio comes near it; more means that the pipe is corrupt."""

HEADER = struct.Struct("<IBI")
_SPEAK = struct.Struct("<HB")
_COUNT = struct.Struct("<H")
_MARK = struct.Struct("<BIII")
_KIND_AND_JOB_BYTES = 5


class ProtocolError(Exception):
    """The other side sent what is no frame; the pipe cannot be used any more."""


class Kind(IntEnum):
    """What a frame is."""

    SPEAK = 1
    CANCEL = 2
    ASK = 3
    HELLO = 16
    AUDIO = 17
    DONE = 18
    FAILED = 19
    SAID = 20


class MarkKind(IntEnum):
    """What a mark says; the numbers are espeak-ng's event types."""

    WORD = 1
    END = 5


class Mark(NamedTuple):
    """Where the text is at a sample."""

    kind: int
    sample: int
    start: int
    length: int


class Frame(NamedTuple):
    """One message."""

    kind: int
    job: int
    body: bytes


def pack(kind: Kind, job: int, body: bytes = b"") -> bytes:
    """A frame as it goes over the pipe."""
    return HEADER.pack(len(body) + _KIND_AND_JOB_BYTES, kind, job) + body


def body_bytes(length: int) -> int:
    """Length of the body of a frame whose header says `length`.

    Raises:
        ProtocolError: No frame is that long or short.
    """
    if not _KIND_AND_JOB_BYTES <= length <= MAX_FRAME_BYTES:
        raise ProtocolError(f"a frame of {length} bytes")
    return length - _KIND_AND_JOB_BYTES


class FrameBuffer:
    """Makes frames from bytes that come in any pieces."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yields the frames that are complete now.

        Raises:
            ProtocolError: The bytes are no frames.
        """
        self._data += data
        while len(self._data) >= HEADER.size:
            length, kind, job = HEADER.unpack_from(self._data)
            end = HEADER.size + body_bytes(length)
            if len(self._data) < end:
                return
            body = bytes(self._data[HEADER.size : end])
            del self._data[:end]
            yield Frame(kind, job, body)


def pack_speak(text: str, voice: str, words_per_minute: int) -> bytes:
    """Body of SPEAK."""
    name = voice.encode()
    return _SPEAK.pack(words_per_minute, len(name)) + name + text.encode()


def unpack_speak(body: bytes) -> tuple[str, str, int]:
    """Text, voice and words a minute of a SPEAK."""
    words_per_minute, name_bytes = _SPEAK.unpack_from(body)
    text_at = _SPEAK.size + name_bytes
    return body[text_at:].decode(), body[_SPEAK.size : text_at].decode(), words_per_minute


def pack_ask(text: str, voice: str) -> bytes:
    """Body of ASK."""
    name = voice.encode()
    return bytes([len(name)]) + name + text.encode()


def unpack_ask(body: bytes) -> tuple[str, str]:
    """Text and voice of an ASK."""
    text_at = 1 + body[0]
    return body[text_at:].decode(), body[1:text_at].decode()


def pack_audio(samples: bytes, marks: Sequence[Mark]) -> bytes:
    """Body of AUDIO."""
    return _COUNT.pack(len(marks)) + b"".join(_MARK.pack(*mark) for mark in marks) + samples


def unpack_audio(body: bytes) -> tuple[bytes, list[Mark]]:
    """Samples and marks of an AUDIO."""
    (n_marks,) = _COUNT.unpack_from(body)
    samples_at = _COUNT.size + n_marks * _MARK.size
    marks = [Mark(*mark) for mark in _MARK.iter_unpack(body[_COUNT.size : samples_at])]
    return body[samples_at:], marks
