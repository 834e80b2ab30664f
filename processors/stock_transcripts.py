"""What a stock STT service hears, as `SpeechToText` would tell it."""

from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.frames import FinalFrame, PartialFrame


class StockTranscripts(FrameProcessor):
    """Stands behind a stock STT service, and that behind a `TurnDetector`.

    Transcripts of a turn become one `FinalFrame` when the turn was proposed to end; one that
    comes after that, a `FinalFrame` at once. Interim transcripts become `PartialFrame` with
    nothing settled. Times are not known.

    Args:
        session_id: Whose they are.
    """

    def __init__(self, *, session_id: str) -> None:
        super().__init__(enable_direct_mode=True)
        self._session_id = session_id
        self._said: list[TranscriptionFrame] = []
        self._turn_open = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Translates transcripts; passes all else on."""
        await super().process_frame(frame, direction)
        match frame:
            case TranscriptionFrame():
                self._said.append(frame)
                if not self._turn_open:
                    await self._push_final()
                return
            case InterimTranscriptionFrame():
                await self._push_partial(frame)
                return
            case ProposedUserStartedSpeakingFrame():
                self._turn_open = True
            case ProposedUserStoppedSpeakingFrame():
                self._turn_open = False
                await self._push_final()
            case _:
                pass
        await self.push_frame(frame, direction)

    def _text(self, *more: str) -> str:
        return " ".join([*(said.text.strip() for said in self._said), *more]).strip()

    async def _push_partial(self, frame: InterimTranscriptionFrame) -> None:
        await self.push_frame(
            PartialFrame(
                text=self._text(frame.text.strip()),
                user_id=self._session_id,
                timestamp=frame.timestamp,
            )
        )

    async def _push_final(self) -> None:
        if not (text := self._text()):
            return
        last, self._said = self._said[-1], []
        await self.push_frame(
            FinalFrame(
                text=text,
                user_id=self._session_id,
                timestamp=last.timestamp,
                finalized=True,
                spoken_language=str(last.language or ""),
            )
        )
