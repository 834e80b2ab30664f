"""A bot of Pipecat's own parts, in which our processors hear, find the turns and speak.

OPENAI_API_KEY=… [OPENAI_BASE_URL=…] python examples/pipecat_bot.py [PORT]; a client: ws://…/ws
"""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, WebSocket
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

from processors.speech_to_text import SpeechToText
from processors.text_to_speech import TextToSpeech
from processors.turn_detector import TurnDetector
from voice_agent.engines.registry import SPEAKERS, pick, pick_recognizer
from voice_agent.engines.silero import SileroVad
from voice_agent.engines.smart_turn.engine import SmartTurn
from voice_agent.settings import load_settings

settings = load_settings()
vad, judge = SileroVad(), SmartTurn()  # loaded once, for all callers
recognizer = pick_recognizer(settings).engine
speaker = pick(SPEAKERS, settings.tts.engine, settings).engine


@asynccontextmanager
async def engines(_: FastAPI) -> AsyncGenerator[None]:
    """Loads the models."""
    for engine in (vad, judge, recognizer, speaker):
        await engine.load()
        await engine.warm_up()
    yield


async def bot(websocket: WebSocket) -> None:
    """Serves one caller."""
    await websocket.accept()
    params = FastAPIWebsocketParams(
        audio_in_enabled=True, audio_out_enabled=True, serializer=ProtobufFrameSerializer()
    )
    transport = FastAPIWebsocketTransport(websocket, params)
    aggregators = LLMContextAggregatorPair(LLMContext())
    processors = [
        transport.input(),
        TurnDetector(vad=vad, judge=judge),
        SpeechToText(recognizer),
        aggregators.user(),
        OpenAILLMService(),
        TextToSpeech(speaker),
        transport.output(),
        aggregators.assistant(),
    ]
    worker = PipelineWorker(Pipeline(processors))

    @transport.event_handler("on_client_disconnected")
    async def leave(*_: object) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


app = FastAPI(lifespan=engines)
app.add_api_websocket_route("/ws", bot)
uvicorn.run(app, port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
