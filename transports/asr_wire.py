"""The ASR service's messages to frames and back."""

from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from pipecat.frames.frames import Frame, InputAudioRawFrame

from transports.serializer import WireSerializer
from voice_agent import metrics
from voice_agent.audio.stream_decoder import StreamDecoder
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.errors import VoiceAgentError
from voice_agent.frames import (
    ClientMessageFrame,
    FinalFrame,
    PartialFrame,
    SegmentEndFrame,
    SegmentStartFrame,
    ServerMessageFrame,
)
from voice_agent.turns.config import AsrConfig
from voice_agent.wire.asr import (
    Close,
    Config,
    Final,
    Finalize,
    Partial,
    SpeechEnd,
    SpeechStart,
    Word,
    asr_client_message,
)
from voice_agent.wire.common import ClientMessage, Error, ServerMessage, parse


class AsrSerializer(WireSerializer):
    """Audio and control in, segments, partials and finals out.

    Audio is gathered into frames of `gather_ms`, because a pipeline costs by the frame,
    and each frame comes out before the message that came after its audio.

    Args:
        service: Name for metrics.
        config: The session's values.
        gather_ms: Length of the frames that enter the pipeline.
        max_frame_bytes: Largest frame a client may send.
        max_expansion_s: Audio that 16 KiB of a container may become.
    """

    def __init__(
        self,
        *,
        service: str,
        config: AsrConfig,
        gather_ms: int,
        max_frame_bytes: int,
        max_expansion_s: float,
    ) -> None:
        super().__init__(max_frame_bytes=max_frame_bytes)
        self.service = service
        self._config = config
        self._reader = StreamDecoder(max_expansion_s=max_expansion_s)
        self._gather_samples = gather_ms * ASR_SAMPLE_RATE_HZ // 1000
        self._pieces: list[NDArray[np.int16]] = []
        self._n_gathered = 0
        self._audio_in_s = metrics.audio_in_s.labels(service)

    def parse(self, text: str) -> ClientMessage:
        """Reads a text frame; raises BadMessage."""
        return parse(asr_client_message, text)

    def decode_sync(self, data: str | bytes) -> Sequence[Frame] | None:
        """Gathers raw audio; a frame when there is enough of it."""
        samples = self._reader.take(data) if isinstance(data, bytes) else None
        if samples is None:
            return None
        self.note_activity()
        self._gather(samples)
        return (self._take(),) if self._n_gathered >= self._gather_samples else ()

    async def on_binary(self, data: bytes) -> AsyncIterator[Frame]:
        """Audio frames, as soon as enough has come."""
        async for samples in self._reader.stream(data):
            self._gather(samples)
            if self._n_gathered >= self._gather_samples:
                yield self._take()

    async def on_message(self, message: ClientMessage) -> AsyncIterator[Frame]:
        """What was gathered, then the message."""
        answer: ServerMessageFrame | None = None
        match message:
            case Config():
                answer = ServerMessageFrame(message=self._config.apply(message))
                ending = self._reader.configure(
                    sample_rate=message.sample_rate,
                    channels=message.channels,
                    encoding=message.encoding,
                )
                error = await self._gather_all(_one(ending))
            case Finalize():
                # a live container goes on after it
                error = await self._gather_all(_one(self._reader.drain()))
            case Close():
                error = await self._gather_all(self._reader.finish())
            case _:
                error = None
        if self._n_gathered:
            yield self._take()
        if error is not None:
            yield ServerMessageFrame(message=Error.of(error))
        if answer is not None:
            yield answer
        yield ClientMessageFrame(message=message)

    async def _gather_all(self, ending: AsyncIterator[NDArray[np.int16]]) -> VoiceAgentError | None:
        """Gathers the end of a stream; an error in it does not stop the message."""
        try:
            async for samples in ending:
                self._gather(samples)
        except VoiceAgentError as error:
            return error
        return None

    def outgoing(self, frame: Frame) -> Iterable[tuple[ServerMessage, bytes]]:
        """The messages of section 4.2."""
        match frame:
            case SegmentStartFrame():
                yield SpeechStart(timestamp=frame.at_s), b""
            case SegmentEndFrame():
                probability = frame.turn_probability
                yield (
                    SpeechEnd(
                        timestamp=frame.at_s,
                        turn_complete=frame.turn_complete,
                        turn_probability=None if probability is None else round(probability, 4),
                    ),
                    b"",
                )
            case PartialFrame():
                yield (
                    Partial(
                        text=frame.text,
                        committed=frame.committed_chars,
                        confidence=frame.confidence,
                        timestamp=frame.at_s,
                        at_pause=frame.at_pause,
                    ),
                    b"",
                )
            case FinalFrame():
                yield _final(frame), b""
            case _:
                yield from super().outgoing(frame)

    async def close(self) -> None:
        """Ends the decoder."""
        await self._reader.close()

    def _gather(self, samples: NDArray[np.int16]) -> None:
        if len(samples):
            self._pieces.append(samples)
            self._n_gathered += len(samples)

    def _take(self) -> InputAudioRawFrame:
        pieces, self._pieces = self._pieces, []
        self._audio_in_s.inc(self._n_gathered / ASR_SAMPLE_RATE_HZ)
        self._n_gathered = 0
        samples = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return InputAudioRawFrame(samples.tobytes(), ASR_SAMPLE_RATE_HZ, 1)


async def _one(samples: Awaitable[NDArray[np.int16]]) -> AsyncIterator[NDArray[np.int16]]:
    yield await samples


def _final(frame: FinalFrame) -> Final:
    return Final(
        text=frame.text,
        start=frame.start_s,
        end=frame.end_s,
        confidence=frame.confidence,
        language=frame.spoken_language,
        language_probability=frame.language_probability,
        turn_complete=frame.turn_complete,
        ended_by=frame.ended_by.value,
        revised=frame.revised_words,
        error=frame.error_code or None,
        words=[
            Word(word=w.word, start=w.start_s, end=w.end_s, confidence=w.confidence)
            for w in frame.words
        ],
    )
