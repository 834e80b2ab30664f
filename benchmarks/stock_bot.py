"""The example bot on Pipecat's own transport and aggregators, beside our agent.

``make stock-bot SPEECH=DIR`` or ``python -m benchmarks.stock_bot DIR [--clips 10]``

Both hear with the same model, speak in the same voice and ask the same endpoint, a process-local
one that answers at once, so what differs is the pipeline around our processors. Each clip is said
to the one and to the other in a session of its own, in real time, with silence before and after;
what counts is the time from its last speech to the first sound of the answer.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from numpy.typing import NDArray
from pipecat.frames.protobufs import frames_pb2
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.rows import RESULTS, Row, Rows, p50_p95, report, table
from benchmarks.services import service
from benchmarks.speech import Clip, clips
from voice_agent.cli.http_probe import free_port
from voice_agent.client.agent import AgentClient, Speech
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ

_Frame: Any = frames_pb2.Frame  # pyright: ignore[reportAttributeAccessIssue]  made at run time
_FRAME_SAMPLES = 320
_LEAD_S = 1.0
_PATIENCE_S = 15.0
_AUDIBLE = 300  # of int16
_HEAD = ("", "clips", "last word → first sound p50 / p95 s", "unanswered")
_ABOUT = """`make stock-bot SPEECH=DIR`: [pipecat_bot.py](../../examples/pipecat_bot.py) on \
Pipecat's transport and aggregators, and the agent, take turns; see \
[stock_bot.py](../stock_bot.py)."""
_EVENT = 'data: {{"choices":[{{"index":0,"delta":{{"content":"{}"}},"finish_reason":null}}]}}\n\n'

Hear = Callable[[NDArray[np.int16]], Awaitable[None]]


async def _answer() -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        for word in ("Yes", ",", " that", " is", " right", "."):
            yield _EVENT.format(word)
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


@asynccontextmanager
async def _endpoint() -> AsyncGenerator[str]:
    app = FastAPI()
    app.add_api_route("/v1/chat/completions", _answer, methods=["POST"])
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    serving = asyncio.create_task(server.serve())
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        await serving


@contextmanager
def _example(llm: str) -> Generator[str]:
    port = free_port()
    environment = os.environ | {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": llm}
    command = [sys.executable, "examples/pipecat_bot.py", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield f"ws://127.0.0.1:{port}/ws"
    finally:
        process.terminate()
        process.wait(30)


async def _until_there(url: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                async with connect(url):
                    return
            except OSError:
                await asyncio.sleep(0.2)


class _Answer:
    """When the first sound of an answer came."""

    def __init__(self) -> None:
        self.first_s: float | None = None

    def hear(self, samples: NDArray[Any], audible: float) -> None:
        """Takes what came."""
        if self.first_s is None and len(samples) and np.abs(samples).max() > audible:
            self.first_s = time.monotonic()


async def _say(clip: Clip, send: Hear, answer: _Answer) -> float | None:
    """Seconds from the last speech of a clip to the answer; None if there is none."""
    noise = np.random.default_rng(1)
    lead = round(_LEAD_S * ASR_SAMPLE_RATE_HZ)
    said = np.concatenate([np.zeros(lead, np.int16), clip.samples])
    began_s = due_s = time.monotonic()
    end_s = began_s + _LEAD_S + clip.speech_end_s
    at = 0
    while answer.first_s is None and time.monotonic() < end_s + _PATIENCE_S:
        frame = noise.integers(-8, 8, _FRAME_SAMPLES, np.int16)
        part = said[at : at + _FRAME_SAMPLES]
        frame[: len(part)] += part
        at += _FRAME_SAMPLES
        await send(frame)
        due_s += _FRAME_SAMPLES / ASR_SAMPLE_RATE_HZ
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
    return None if answer.first_s is None else answer.first_s - end_s


async def _ask_example(url: str, clip: Clip) -> float | None:
    answer = _Answer()
    async with connect(url, max_size=None) as socket:

        async def send(samples: NDArray[np.int16]) -> None:
            frame = _Frame()
            frame.audio.audio = samples.tobytes()
            frame.audio.sample_rate, frame.audio.num_channels = ASR_SAMPLE_RATE_HZ, 1
            await socket.send(frame.SerializeToString())

        async with _beside(_listen(socket, answer)):
            return await _say(clip, send, answer)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Does the work as long as the block runs."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _listen(socket: ClientConnection, answer: _Answer) -> None:
    async for data in socket:
        frame = _Frame.FromString(data)
        if frame.WhichOneof("frame") == "audio":
            answer.hear(np.frombuffer(frame.audio.audio, np.int16), _AUDIBLE)


async def _ask_agent(url: str, clip: Clip) -> float | None:
    answer = _Answer()
    async with AgentClient.connect(url, timeout_s=30) as client:
        await client.configure(sample_rate=ASR_SAMPLE_RATE_HZ, encoding="pcm_s16le")

        async def listen() -> None:
            async for message in client:
                if isinstance(message, Speech):
                    answer.hear(np.frombuffer(message.data, np.float32), _AUDIBLE / 32_768)

        async def send(samples: NDArray[np.int16]) -> None:
            await client.send(samples.tobytes())

        async with _beside(listen()):
            return await _say(clip, send, answer)


async def measure(speech: list[Clip]) -> Row:
    """Says every clip to both, in turns."""
    delays_s: dict[str, list[float | None]] = {"stock": [], "agent": []}
    async with _endpoint() as llm:
        with (
            _example(llm) as example_url,
            service("agent", LLM__BASE_URL=llm, LLM__MODEL="fixed") as agent_url,
        ):
            await _until_there(example_url)
            for clip in speech:
                delays_s["stock"].append(await _ask_example(example_url, clip))
                delays_s["agent"].append(await _ask_agent(agent_url, clip))
    return delays_s


def _cells(name: str, delays_s: list[float | None]) -> list[str]:
    heard_s = [delay for delay in delays_s if delay is not None]
    return [name, str(len(delays_s)), p50_p95(heard_s), str(len(delays_s) - len(heard_s))]


async def main() -> None:
    """Measures, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="recordings and transcripts.tsv")
    parser.add_argument("--clips", type=int, help="only so many")
    parser.add_argument("--fresh", action="store_true", help="measure all anew")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "stock_bot.md")
    arguments = parser.parse_args()
    speech = (await clips(arguments.folder))[: arguments.clips]
    rows = Rows("stock_bot", fresh=arguments.fresh)
    if "stock_bot/delays" not in rows:
        rows.add("stock_bot/delays", await measure(speech))
    [row] = rows.of("stock_bot")
    body = table(
        _HEAD,
        [_cells("example bot, stock transport", row["stock"]), _cells("our agent", row["agent"])],
    )
    report(arguments.output, "A stock pipeline around our processors", rows, _ABOUT, body)


if __name__ == "__main__":
    asyncio.run(main())
