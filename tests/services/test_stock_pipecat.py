"""Our processors among Pipecat's own, and Pipecat's services among ours."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pipecat.frames.protobufs import frames_pb2
from websockets.asyncio.client import ClientConnection, connect

from tests.phone_talk import MODEL
from tests.scripted_llm import ScriptedModel, serving
from tests.services.conftest import _HEARS, _SPEAKS, RunningService, running
from tests.services.conversing import conversing
from tests.services.stock_agent import HEARD, WORD_S
from tests.speech import SENTENCES, pause, speech
from voice_agent.audio.pcm import float_to_int16
from voice_agent.cli.http_probe import free_port
from voice_agent.engines.base import Samples

pytestmark = pytest.mark.e2e

_ROOT = Path(__file__).parents[2]
_FRAME_SAMPLES = 320
_Frame: Any = frames_pb2.Frame  # pyright: ignore[reportAttributeAccessIssue]  made at run time


@dataclass
class StockClient:
    """Speaks as Pipecat's client SDKs do: protobuf frames over a WebSocket."""

    socket: ClientConnection
    heard: list[bytes] = field(default_factory=list)
    first_heard_s: float | None = None
    interruptions: int = 0

    async def listen(self) -> None:
        async for data in self.socket:
            frame = _Frame.FromString(data)
            match frame.WhichOneof("frame"):
                case "audio":
                    samples = np.frombuffer(frame.audio.audio, np.int16)
                    if self.first_heard_s is None and np.abs(samples).max(initial=0) > 300:
                        self.first_heard_s = time.monotonic()
                    self.heard.append(frame.audio.audio)
                case "interruption":
                    self.interruptions += 1
                case _:
                    pass

    async def play(self, samples: Samples) -> None:
        """In real time."""
        pcm = float_to_int16(samples).tobytes()
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        for at in range(0, len(pcm), 2 * _FRAME_SAMPLES):
            frame = _Frame()
            frame.audio.audio = pcm[at : at + 2 * _FRAME_SAMPLES]
            frame.audio.sample_rate, frame.audio.num_channels = 16_000, 1
            await self.socket.send(frame.SerializeToString())
            due_s += _FRAME_SAMPLES / 16_000
            await asyncio.sleep(due_s - loop.time())

    async def until_heard(self, within_s: float = 15.0) -> None:
        async with asyncio.timeout(within_s):
            while self.first_heard_s is None:
                await self.play(pause(0.1))


@asynccontextmanager
async def pipecat_bot(model: ScriptedModel) -> AsyncGenerator[StockClient]:
    """The example, as its first lines say, and a client of Pipecat's."""
    async with serving(model) as llm_port:
        port = free_port()
        process = _example(port, llm_port)
        try:
            async with await _connected(port, process) as socket:
                client = StockClient(socket)
                listening = asyncio.create_task(client.listen())
                yield client
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        finally:
            process.terminate()
            process.wait(15)


def _example(port: int, llm_port: int) -> "subprocess.Popen[bytes]":
    environment = os.environ | {
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{llm_port}/v1",
        "VOICE_AGENT_ASR__ENGINE": "whisper",
        "VOICE_AGENT_ASR__MODEL": str(MODEL),
        "VOICE_AGENT_TTS__ENGINE": "espeak",
    }
    command = [sys.executable, "examples/pipecat_bot.py", str(port)]
    return subprocess.Popen(command, cwd=_ROOT, env=environment)


async def _connected(port: int, process: "subprocess.Popen[bytes]") -> ClientConnection:
    async with asyncio.timeout(60):
        while process.poll() is None:
            try:
                return await connect(f"ws://127.0.0.1:{port}/ws", max_size=None)
            except OSError:
                await asyncio.sleep(0.2)
    raise AssertionError("the example ended")


async def test_the_example_bot_answers_is_interrupted_and_remembers_what_was_heard() -> None:
    long = "one two three four five six seven eight nine ten eleven twelve. " * 6
    model = ScriptedModel(answers=[long, "Goodbye."])
    async with pipecat_bot(model) as client:
        await client.play(np.concatenate([pause(0.6), speech(SENTENCES[0])]))
        ended_s = time.monotonic()
        await client.until_heard()
        assert client.first_heard_s is not None
        # (another pipeline's own default strategies take 6.8 s)
        assert client.first_heard_s - ended_s < 4
        assert model.asked[0][-1]["content"] == SENTENCES[0]
        await client.play(np.concatenate([pause(1.5), speech(SENTENCES[1]), pause(0.3)]))
        async with asyncio.timeout(15):
            while len(model.asked) < 2:
                await client.play(pause(0.1))
    assert client.interruptions >= 1
    [question, answer, second] = model.asked[1][-3:]
    assert (question["role"], answer["role"], second["role"]) == ("user", "assistant", "user")
    assert second["content"] == SENTENCES[1]
    # what was heard until the interruption, and not all that was written
    assert long.startswith(answer["content"].strip())
    assert 0 < len(answer["content"]) < len(long) - 50


@pytest.fixture(scope="module")
def stock() -> Generator[RunningService]:
    settings: dict[str, Any] = {**_HEARS, **_SPEAKS}
    with running("tests.services.stock_agent", **settings) as service:
        yield service


async def test_what_a_stock_stt_service_hears_is_answered(stock: RunningService) -> None:
    async with conversing(stock.ws.replace("/ws", "/stt")) as caller, caller.microphone():
        await caller.play(pause(0.5), speech(SENTENCES[0]))
        final = await caller.until("final")
        # it hears something in every segment, and the turn is one
        assert final.message["text"] == " ".join([HEARD] * len(caller.of("speech_end")))
        answer = await caller.until("answer_end")
        assert caller.text_of(answer.message["turn"])
        assert len(caller.sound_of(answer.message["turn"]))


async def test_what_a_stock_tts_service_says_is_heard_and_its_words_are_known(
    stock: RunningService,
) -> None:
    async with conversing(stock.ws.replace("/ws", "/tts")) as caller:
        turn = await caller.ask(HEARD)
        end = await caller.until("answer_end", turn=turn)
        text = caller.text_of(turn)
        assert text == "Two plus three is five."
        sound = caller.sound_of(turn)
        assert len(sound) / 24_000 == pytest.approx(5 * WORD_S, abs=0.1)
        assert np.abs(sound).max() > 0.2
        chunks = [heard.message for heard in caller.of("audio_chunk", turn)]
        spans = [(chunk["text_start"], chunk["text_end"]) for chunk in chunks]
        assert spans == sorted(spans)
        assert spans[-1][1] == len(text)
        assert (end.message["interrupted"], end.message["heard_text"]) == (False, text)


async def test_a_stock_tts_service_is_interrupted(stock: RunningService) -> None:
    async with conversing(stock.ws.replace("/ws", "/tts")) as caller:
        turn = await caller.ask("tell me a story")
        await caller.until("audio_chunk", turn=turn)
        await caller.say("interrupt")
        end = await caller.until("answer_end", turn=turn)
        assert end.message["interrupted"] is True
        n_chunks = len(caller.of("audio_chunk", turn))
        second = await caller.ask(HEARD)
        await caller.until("answer_end", turn=second)
        assert len(caller.of("audio_chunk", turn)) == n_chunks
        assert caller.text_of(second) == "Two plus three is five."
