"""The same service put together from Pipecat's stock parts: the baseline.

Its transport, Silero and Smart Turn analyzers (a model each session, as Pipecat does it),
turn processor and a recogniser service that hears nothing, with the lean flags. It speaks
just enough of our protocol for the load: audio in, `speech_end` out.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Response, WebSocket
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    MetricsFrame,
    OutputTransportMessageUrgentFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import TurnMetricsData
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import STTService
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_processor import UserTurnProcessor
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipelines.run import run_pipeline
from voice_agent.server.app import measure_lag


class _Serializer(FrameSerializer):
    async def serialize(self, frame: Frame) -> str | bytes | None:
        if isinstance(frame, OutputTransportMessageUrgentFrame):
            return json.dumps(frame.message)
        return None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        return InputAudioRawFrame(data, 16_000, 1) if isinstance(data, bytes) else None


class _Recognizer(STTService):
    """Partials every half second of speech and a final at its end, all empty of meaning."""

    def __init__(self) -> None:
        super().__init__(ttfs_p99_latency=0.5, settings=STTSettings(model="none", language="en"))
        self._partials: asyncio.Task[None] | None = None

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        yield None

    async def process_audio_frame(self, frame: Any, direction: FrameDirection) -> None:
        """A real one would keep the audio."""

    async def _make_partials(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            await self.push_frame(InterimTranscriptionFrame("word", "caller", ""))

    async def _handle_vad_user_started_speaking(self, frame: Any) -> None:
        await super()._handle_vad_user_started_speaking(frame)
        self._partials = self.create_task(self._make_partials())

    async def _handle_vad_user_stopped_speaking(self, frame: Any) -> None:
        await super()._handle_vad_user_stopped_speaking(frame)
        if self._partials is not None:
            await self.cancel_task(self._partials)
            self._partials = None
        await self.push_frame(TranscriptionFrame("word", "caller", "", finalized=True))


class _Events(FrameProcessor):
    """Tells the client about segments: a start, and an end once Smart Turn has judged it."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        kind = None
        if isinstance(frame, VADUserStartedSpeakingFrame):
            kind = "speech_start"
        elif isinstance(frame, MetricsFrame):
            if any(isinstance(data, TurnMetricsData) for data in frame.data):
                kind = "speech_end"
        elif isinstance(frame, VADUserStoppedSpeakingFrame | InputAudioRawFrame):
            pass
        if kind is not None:
            await self.push_frame(OutputTransportMessageUrgentFrame(message={"type": kind}))
        if not isinstance(frame, InputAudioRawFrame):
            await self.push_frame(frame, direction)


async def serve(websocket: WebSocket, recognizer: STTService, events: FrameProcessor) -> None:
    """Serves one client.

    Args:
        websocket: Accepted.
        recognizer: Which service hears.
        events: Tells the client what happens; the last before the transport's output.
    """
    await websocket.send_text('{"type":"ready"}')
    transport = FastAPIWebsocketTransport(
        websocket, FastAPIWebsocketParams(audio_in_enabled=True, serializer=_Serializer())
    )
    strategies = UserTurnStrategies(
        start=[VADUserTurnStartStrategy()],
        stop=[TurnAnalyzerUserTurnStopStrategy(turn_analyzer=LocalSmartTurnAnalyzerV3())],
    )
    pipeline = Pipeline(
        [
            transport.input(),
            VADProcessor(vad_analyzer=SileroVADAnalyzer()),
            recognizer,
            UserTurnProcessor(user_turn_strategies=strategies),
            events,
            transport.output(),
        ]
    )
    await run_pipeline(pipeline, transport)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncGenerator[None]:
    lag = asyncio.create_task(measure_lag())
    yield
    lag.cancel()


async def _serve(websocket: WebSocket) -> None:
    await websocket.accept()
    await serve(websocket, _Recognizer(), _Events())


async def _readyz() -> dict[str, bool]:
    return {"ready": True}


async def _metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def stock_app(session: Callable[[WebSocket], Awaitable[None]]) -> FastAPI:
    """Always ready; tells the loop's lag among its metrics."""
    made = FastAPI(lifespan=_lifespan)
    made.add_api_websocket_route("/ws", session)
    made.add_api_route("/readyz", _readyz)
    made.add_api_route("/metrics", _metrics)
    return made


app = stock_app(_serve)
