"""Cuts speech into chunks of the wished length and encodes them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from voice_agent.audio.encode import Encoder, Encoding, finished_wav, open_encoder
from voice_agent.engines.base import SpokenChunk

SPEECH_TOKENS_PER_S = 25
"""The unit of `chunk_size` on the wire."""

_FIRST_SHARE = 4  # the first chunk is this part of the others, so that sound begins sooner
_FIRST_MIN_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedChunk:
    """A piece of the answer to a request.

    Attributes:
        chunk_id: 0, 1, 2, …
        data: Never empty; the data of all chunks in order is one stream.
        duration_ms: Of the audio in `data`. For MP3 and Opus, of the audio that went into
            the encoder; some of it may come out with the next chunk.
        text_start: First character of the request's text that is heard in it.
        text_end: One past the last.
    """

    chunk_id: int
    data: bytes
    duration_ms: float
    text_start: int
    text_end: int


class ChunkBuilder:
    """Fed with pieces of speech of any length, gives chunks of the wished length.

    Args:
        encoding: What the bytes shall be.
        source_rate_hz: Rate of the speech.
        sample_rate_hz: Wished rate of the bytes.
        chunk_size: Speech tokens in a chunk; None makes one chunk of everything.
    """

    def __init__(
        self, encoding: Encoding, source_rate_hz: int, sample_rate_hz: int, chunk_size: int | None
    ) -> None:
        self.encoder: Encoder = open_encoder(encoding, source_rate_hz, sample_rate_hz)
        self._whole_wav = encoding == "wav" and chunk_size is None
        self._chunk_samples: int | None = None
        self._room: int | None = None  # samples until the open chunk is full
        if chunk_size is not None:
            chunk_s = chunk_size / SPEECH_TOKENS_PER_S
            first_s = min(chunk_s, max(chunk_s / _FIRST_SHARE, _FIRST_MIN_S))
            self._chunk_samples = round(chunk_s * source_rate_hz)
            self._room = round(first_s * source_rate_hz)
        self._n_chunks = 0
        self._data = bytearray()
        self._samples_out = 0  # of the encoder, at the end of the last chunk
        self._text_start: int | None = None  # of the open chunk
        self._text_end = 0

    def add(self, piece: SpokenChunk) -> Iterator[EncodedChunk]:
        """Adds speech; yields the chunks that are full.

        A full chunk waits for the sample after it, so that the last chunk always has
        audio and can take the encoder's tail.
        """
        while len(piece.samples):
            if self._room == 0:
                yield from self._full()
            n_samples = len(piece.samples) if self._room is None else self._room
            head, piece = _cut(piece, n_samples)
            self._data += self.encoder.encode(head.samples)
            if self._text_start is None:
                self._text_start = head.text_start
            self._text_end = max(self._text_end, head.text_end)
            if self._room is not None:
                self._room -= len(head.samples)

    def finish(self) -> Iterator[EncodedChunk]:
        """Yields the last chunk, if there was any speech."""
        self._data += self.encoder.finish()
        if self.encoder.samples_out > 0:
            yield self._take()

    def _full(self) -> Iterator[EncodedChunk]:
        self._room = self._chunk_samples
        if self._data:  # an encoder may hold back all of a short chunk
            yield self._take()

    def _take(self) -> EncodedChunk:
        n_samples = self.encoder.samples_out - self._samples_out
        chunk = EncodedChunk(
            chunk_id=self._n_chunks,
            data=finished_wav(self._data) if self._whole_wav else bytes(self._data),
            duration_ms=1000 * n_samples / self.encoder.sample_rate_hz,
            text_start=self._text_end if self._text_start is None else self._text_start,
            text_end=self._text_end,
        )
        self._n_chunks += 1
        self._data.clear()
        self._samples_out = self.encoder.samples_out
        self._text_start = None
        return chunk


def _cut(piece: SpokenChunk, n_samples: int) -> tuple[SpokenChunk, SpokenChunk]:
    """Cuts a piece; a word that is cut is heard in both halves, so both have all its text."""
    return (
        replace(piece, samples=piece.samples[:n_samples]),
        replace(piece, samples=piece.samples[n_samples:]),
    )
