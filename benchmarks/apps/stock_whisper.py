"""Pipecat's stock parts with its own Whisper service: a model, a VAD and a Smart Turn a session.

What is recognised is told as ``{"type":"final","text":…}``; `MODEL_VARIABLE` names the model.
"""

import asyncio
import os

from fastapi import WebSocket
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
    TranscriptionFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.whisper.stt import WhisperSTTService
from pipecat.transcriptions.language import Language

from benchmarks.apps.stock import serve, stock_app

MODEL_VARIABLE = "STOCK_WHISPER_MODEL"
"""Environment variable with the folder of the model."""


class _Texts(FrameProcessor):
    """Tells the client what was recognised."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            told = {"type": "final", "text": frame.text}
            await self.push_frame(OutputTransportMessageUrgentFrame(message=told))
        if not isinstance(frame, InputAudioRawFrame):
            await self.push_frame(frame, direction)


def _recognizer() -> WhisperSTTService:
    settings = WhisperSTTService.Settings(
        model=os.environ[MODEL_VARIABLE],  # this process has no settings of ours
        language=Language.EN,
    )
    return WhisperSTTService(device="cpu", compute_type="int8", settings=settings)


async def _session(websocket: WebSocket) -> None:
    await websocket.accept()
    # in a thread, or loading it would stop the other sessions
    await serve(websocket, await asyncio.to_thread(_recognizer), _Texts())


app = stock_app(_session)
