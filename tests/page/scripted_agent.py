"""An agent that thinks nothing: it plays its part over the wire, to test the page alone.

Sound from the page drives it as speech would (loud, then quiet). A typed text is a question,
or a stage direction: `/send [messages]` has it send these, `/close CODE` ends the connection.
"""

import asyncio
import itertools
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles

STATIC_DIR = Path(__file__).parents[2] / "voice_agent" / "server" / "static"
ANSWER_RATE = 24_000
CHUNK_S = 0.4
LOUD = 0.01
QUIET_FRAMES_TO_END = 10
FRAMES_PER_PARTIAL = 6
HEARD = "what is the weather like in Lisbon today"
ANSWER = (
    "It is mild in Lisbon today, about nineteen degrees, with a light wind from the sea. "
    "Towards the evening a few clouds come in, but it stays dry."
)
NEXT_ANSWER = (
    "Tomorrow turns warmer: twenty-two degrees and sun until the late afternoon. "
    "You will not need a coat."
)
HEARD_OF_ANSWER = "It is mild in Lisbon today, about nineteen degrees,"
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
ENGINES = {
    "hears": {
        "name": "Whisper",
        "model": "base",
        "device": "cpu",
        "why": "A Whisper model is on this machine.",
        "hint": "voice-agent models pull small",
    },
    "judges_turns": {
        "name": "Smart Turn",
        "model": "v3.2",
        "device": "cpu",
        "why": "Comes with the installation.",
    },
    "speaks": {
        "name": "espeak-ng",
        "model": "en-us",
        "device": "cpu",
        "why": "No GPU here, and Chatterbox is slower than speech on this CPU.",
        "hint": "voice-agent models pull chatterbox",
    },
    "thinks": {
        "name": "Rules",
        "why": "No language model is set, so answers come from a few simple rules.",
        "hint": "VOICE_AGENT_LLM__BASE_URL=http://localhost:11434/v1",
    },
}
STAGES = [
    {"name": "end of speech", "ms": 204},
    {"name": "turn decision", "ms": 38},
    {"name": "final transcript", "ms": 61},
    {"name": "first sentence", "ms": 142},
    {"name": "first sound", "ms": 118},
    {"name": "transport", "ms": 9},
]


def tone(duration_s: float, start_s: float) -> bytes:
    """A hum that rises and falls like speech."""
    at_s = start_s + np.arange(round(duration_s * ANSWER_RATE)) / ANSWER_RATE
    loudness = 0.3 * (
        0.35 + 0.65 * np.abs(np.sin(2 * np.pi * 1.7 * at_s) * np.sin(2 * np.pi * 0.31 * at_s + 1))
    )
    return (loudness * np.sin(2 * np.pi * 190 * at_s)).astype("<f4").tobytes()


class Session:
    """One page's connection."""

    def __init__(self, socket: WebSocket, agent: "ScriptedAgent") -> None:
        self.socket = socket
        self.agent = agent
        self.seq = itertools.count(1)
        self.turns = itertools.count(1)
        self.answering: asyncio.Task[None] | None = None
        self.turn = 0
        self.loud_frames = 0
        self.quiet_frames = 0
        self.answer_s = 8.0

    async def send(self, kind: str, **fields: object) -> None:
        await self.socket.send_text(json.dumps({"type": kind, "seq": next(self.seq), **fields}))

    async def run(self) -> None:
        if self.agent.at_capacity:
            await self.send(
                "error", code="at_capacity", message="full", retryable=True, retry_after_ms=1100
            )
            await self.socket.close(1013)
            return
        session_id = f"s{next(self.agent.session_ids)}"
        await self.send(
            "ready",
            session_id=session_id,
            resume_token="r",
            service="agent",
            engine=ENGINES,
            limits={"sessions": 30},
        )
        try:
            while True:
                message = await self.socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                if (sound := message.get("bytes")) is not None:
                    await self.hear(sound)
                else:
                    await self.obey(json.loads(message["text"]))
        finally:
            if self.answering:
                self.answering.cancel()

    async def hear(self, sound: bytes) -> None:
        self.agent.frames.append(len(sound))
        samples = np.frombuffer(sound, dtype="<i2") / 32768
        loud = float(np.sqrt(np.mean(samples**2))) > LOUD
        if loud:
            await self.hear_speech()
        elif self.loud_frames:
            self.quiet_frames += 1
            if self.quiet_frames == QUIET_FRAMES_TO_END:
                await self.end_speech()

    async def hear_speech(self) -> None:
        self.quiet_frames = 0
        self.loud_frames += 1
        if self.loud_frames == 1:
            await self.barge_in()
            await self.send("speech_start", timestamp=0.0)
        if self.loud_frames % FRAMES_PER_PARTIAL == 0:
            await self.send_partial(self.loud_frames // FRAMES_PER_PARTIAL)

    async def send_partial(self, count: int) -> None:
        """One more word each time; the last two are uncertain, the last is misheard at first."""
        words = HEARD.split()[:count]
        committed = " ".join(words[:-2])
        text = " ".join([*words[:-1], words[-1][:-1] + "th"]) if len(words) < 8 else " ".join(words)
        await self.send(
            "partial", text=text, committed=len(committed), confidence=0.8, timestamp=0.0
        )

    async def end_speech(self) -> None:
        self.loud_frames = self.quiet_frames = 0
        await self.send("speech_end", timestamp=2.0, turn_complete=True, turn_probability=0.97)
        text = "What is the weather like in Lisbon today?"
        await self.send(
            "final",
            text=text,
            start=0.0,
            end=2.0,
            confidence=0.9,
            language="en",
            turn_complete=True,
        )
        await self.answer()

    async def barge_in(self) -> None:
        if not self.answering or self.answering.done():
            return
        self.answering.cancel()
        self.agent.clear_sent_s = time.monotonic()
        await self.send("clear")
        await self.send("answer_end", turn=self.turn, interrupted=True, heard_text=HEARD_OF_ANSWER)

    async def obey(self, message: dict[str, Any]) -> None:
        self.agent.received.append((time.monotonic(), message))
        if message["type"] == "interrupt":
            await self.barge_in()
        if message["type"] != "text":
            return
        match str(message["text"]).split(" ", 1):
            case ["/send", body]:
                for scripted in json.loads(body):
                    await self.send(scripted.pop("type"), **scripted)
            case ["/close", code]:
                await self.socket.close(int(code))
            case _:
                await self.answer()

    async def answer(self) -> None:
        await self.barge_in()
        self.turn = next(self.turns)
        self.answering = asyncio.create_task(self.speak(self.turn))

    async def speak(self, turn: int) -> None:
        await self.send("answer_start", turn=turn)
        chunks = round(self.answer_s / CHUNK_S)
        text = ANSWER if turn == 1 else NEXT_ANSWER
        words = re.findall(r"\S+\s*", text)
        for chunk in range(chunks):
            for word in words[2 * chunk : 2 * chunk + 2]:
                await self.send("answer_text", turn=turn, delta=word)
            await self.send(
                "audio_chunk",
                request_id=f"a{turn}",
                chunk_id=chunk,
                duration_ms=CHUNK_S * 1000,
                text_start=sum(map(len, words[: 2 * chunk])),
                text_end=sum(map(len, words[: 2 * chunk + 2])),
            )
            await self.socket.send_bytes(tone(CHUNK_S, chunk * CHUNK_S))
            if chunk == 0:
                await self.send("latency", turn=turn, stages=STAGES)
            # Faster than speech, as a real engine is: the page holds sound that a clear must drop.
            await asyncio.sleep(CHUNK_S / 3)
        await asyncio.sleep(chunks * CHUNK_S * 2 / 3 + 0.3)
        await self.send("answer_end", turn=turn, interrupted=False, heard_text=text)


class ScriptedAgent:
    """The server; what reached it is kept for the tests."""

    def __init__(self) -> None:
        self.at_capacity = False
        self.session_ids = itertools.count(1)
        self.received: list[tuple[float, dict[str, Any]]] = []
        self.frames: list[int] = []
        self.clear_sent_s = 0.0
        self.app = FastAPI()
        self.app.add_api_route("/", self.page)
        self.app.add_api_route("/v1/info", self.info)
        self.app.add_api_websocket_route("/ws", self.serve)
        self.app.mount("/static", StaticFiles(directory=STATIC_DIR))

    def of_type(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        return [(at_s, message) for at_s, message in self.received if message["type"] == kind]

    async def page(self) -> Response:
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return FileResponse(STATIC_DIR / "index.html", headers=headers)

    async def info(self) -> Response:
        return JSONResponse(
            {"service": "voice-agent", "version": "0.1.0", "engines": ENGINES, "limits": {}}
        )

    async def serve(self, socket: WebSocket) -> None:
        await socket.accept()
        try:
            await Session(socket, self).run()
        except WebSocketDisconnect:
            return

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[str]:
        """Serves until the block ends; gives the address."""
        config = uvicorn.Config(
            self.app,
            host="127.0.0.1",
            port=port,
            log_level="warning",
            ws="websockets-sansio",
            lifespan="off",
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.01)
        try:
            yield f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            await task
