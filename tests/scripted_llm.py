"""A language model that follows a script, behind the HTTP interface that all of them share."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse


@dataclass
class ScriptedModel:
    """What the model does next, and what it was asked.

    Attributes:
        answers: One for each request, the last one for ever.
        status: What it answers if not 200.
        token_delay_s: Between two words.
        first_delay_s: Before the first.
        asked: The messages of each request, oldest first.
        written: Words of the current answer that were sent.
        left: Set when a client went before its answer was complete.
    """

    answers: list[str] = field(default_factory=lambda: ["Yes."])
    status: int = 200
    token_delay_s: float = 0.0
    first_delay_s: float = 0.0
    asked: list[list[dict[str, Any]]] = field(default_factory=list)
    written: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def complete(self, request: Request) -> Response:
        """`POST /v1/chat/completions`, streamed."""
        body = await request.json()
        self.asked.append(body["messages"])
        if self.status != 200:
            return JSONResponse({"error": {"message": "scripted"}}, status_code=self.status)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return StreamingResponse(self._stream(answer), media_type="text/event-stream")

    async def _stream(self, answer: str) -> AsyncIterator[str]:
        complete = False
        self.written = 0
        try:
            await asyncio.sleep(self.first_delay_s)
            for word in answer.split():
                yield _event({"content": f"{word} "}, None)
                self.written += 1
                await asyncio.sleep(self.token_delay_s)
            yield _event({}, "stop")
            yield "data: [DONE]\n\n"
            complete = True
        finally:
            if not complete:
                self.left.set()


def _event(delta: dict[str, str], finish_reason: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
    return f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n"


@asynccontextmanager
async def serving(model: ScriptedModel, port: int = 0) -> AsyncGenerator[int]:
    """Serves the model on 127.0.0.1; gives the port."""
    app = FastAPI()
    app.add_api_route("/v1/chat/completions", model.complete, methods=["POST"])
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="warning", ws="none", lifespan="off"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await task
