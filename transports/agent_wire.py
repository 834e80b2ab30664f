"""The agent's messages to frames and back."""

from collections.abc import AsyncIterator, Iterable

from pipecat.frames.frames import Frame, InterruptionFrame, LLMTextFrame

from transports.asr_wire import AsrSerializer
from voice_agent import metrics
from voice_agent.audio.pcm import mono
from voice_agent.errors import BadMessage
from voice_agent.frames import (
    AnswerEndFrame,
    AnswerStartFrame,
    HoldFrame,
    PhraseAudioFrame,
    SpokenAudioFrame,
)
from voice_agent.wire.agent import (
    AnswerEnd,
    AnswerStart,
    AnswerText,
    Clear,
    TypedText,
    agent_client_message,
)
from voice_agent.wire.common import ClientMessage, ServerMessage, parse
from voice_agent.wire.tts import AudioChunk


class AgentSerializer(AsrSerializer):
    """What the ASR service understands and says, and answers: text and float32 audio."""

    _turn = 0
    _chunks = 0
    _cleared = False  # nothing was sent since the last `clear`

    def parse(self, text: str) -> ClientMessage:
        """Reads a text frame; raises BadMessage."""
        return parse(agent_client_message, text)

    async def on_message(self, message: ClientMessage) -> AsyncIterator[Frame]:
        """As for ASR, and typed text with something in it."""
        if isinstance(message, TypedText) and not message.text.strip():
            raise BadMessage("text: there is nothing in it but white space")
        async for frame in super().on_message(message):
            yield frame

    def outgoing(self, frame: Frame) -> Iterable[tuple[ServerMessage, bytes]]:
        """The messages of sections 4.2 and 4.4."""
        match frame:
            case AnswerStartFrame():
                self._turn, self._chunks, self._cleared = frame.turn, 0, False
                yield AnswerStart(turn=frame.turn), b""
            case LLMTextFrame():
                yield AnswerText(turn=self._turn, delta=frame.text), b""
            case SpokenAudioFrame():
                self._cleared = False
                yield self._audio(frame)
            case InterruptionFrame() | HoldFrame() if not self._cleared:
                # a hold before the first audio has nothing to clear
                if self._chunks or isinstance(frame, InterruptionFrame):
                    self._cleared = True
                    yield Clear(), b""
            case AnswerEndFrame():
                yield (
                    AnswerEnd(
                        turn=frame.turn,
                        interrupted=frame.interrupted,
                        heard_text=frame.heard_text,
                    ),
                    b"",
                )
            case _:
                yield from super().outgoing(frame)

    def _audio(self, frame: SpokenAudioFrame) -> tuple[AudioChunk, bytes]:
        samples = mono(frame.audio, frame.num_channels)
        seconds = len(samples) / frame.sample_rate
        metrics.audio_out_s.labels(self.service).inc(seconds)
        chunk = AudioChunk(
            request_id=f"turn-{self._turn}",
            chunk_id=self._chunks,
            duration_ms=round(seconds * 1000, 3),
            text_start=frame.text_start,
            text_end=frame.text_end,
            phrase=(frame.words or None) if isinstance(frame, PhraseAudioFrame) else None,
        )
        self._chunks += 1
        return chunk, samples.tobytes()
