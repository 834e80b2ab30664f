"""A language model that follows a script, behind the HTTP interface that all of them share.

It writes as real servers do (llama.cpp's, vLLM, OpenAI): a comment that keeps the connection
alive, a first chunk without text, words that begin with their space, a last chunk without text,
and what it cost for who asks.

As a program, to be killed: ``python -m tests.scripted_llm PORT ANSWER [TOKEN_DELAY_S]``.
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse


@dataclass(frozen=True, kw_only=True)
class Script:
    """What becomes of one request.

    Attributes:
        text: The answer.
        calls: Functions to call after it: names and arguments, as JSON text.
        calls_at_once: All calls in one event, all with index 0, as Ollama sends them.
        status: What is answered if not 200.
        headers: With the status.
        code: With the status, in the body.
        breaks_after: Words after which the connection is closed.
        raw: Sent instead of an answer.
        first_delay_s: Before the first word; None as the model says.
    """

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    calls_at_once: bool = False
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    code: str | None = None
    breaks_after: int | None = None
    raw: str | None = None
    first_delay_s: float | None = None


@dataclass
class ScriptedModel:
    """What the model does next, and what it was asked.

    Attributes:
        answers: One for each request, the last one for ever.
        status: What it answers if not 200.
        token_delay_s: Between two words.
        first_delay_s: Before the first.
        asked: The messages of each request, oldest first.
        bodies: All of each request.
        written: Words of the current answer that were sent.
        came: Set when it was asked.
        left: Set when a client went before its answer was complete.
    """

    answers: list[str | Script] = field(default_factory=lambda: ["Yes."])
    status: int = 200
    token_delay_s: float = 0.0
    first_delay_s: float = 0.0
    asked: list[list[dict[str, Any]]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    written: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def complete(self, request: Request) -> Response:
        """`POST /v1/chat/completions`, streamed."""
        body = await request.json()
        self.bodies.append(body)
        self.asked.append(body["messages"])
        self.came.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        script = Script(text=answer) if isinstance(answer, str) else answer
        status = self.status if self.status != 200 else script.status
        if status != 200:
            error = {"message": f"scripted, asked {body['messages'][-1]}", "code": script.code}
            return JSONResponse({"error": error}, status, script.headers)
        counts = bool((body.get("stream_options") or {}).get("include_usage"))
        return StreamingResponse(self._stream(script, counts), media_type="text/event-stream")

    async def _stream(self, script: Script, counts: bool) -> AsyncIterator[str]:
        complete = False
        self.written = 0
        try:
            first_s = self.first_delay_s if script.first_delay_s is None else script.first_delay_s
            await asyncio.sleep(first_s)
            if script.raw is not None:
                yield script.raw
                complete = True
                return
            yield ": keep-alive\n\n"
            yield _event({"role": "assistant", "content": ""})
            for n, word in enumerate(script.text.split()):
                if n == script.breaks_after:
                    complete = True
                    raise ConnectionAbortedError("as scripted")
                yield _event({"content": f" {word}" if n else word})
                self.written += 1
                await asyncio.sleep(self.token_delay_s)
            for delta in _calls(script):
                yield _event(delta)
            yield _event({}, "tool_calls" if script.calls else "stop")
            if counts:
                yield _usage(script)
            yield "data: [DONE]\n\n"
            complete = True
        finally:
            if not complete:
                self.left.set()


def _calls(script: Script) -> Iterator[dict[str, Any]]:
    if script.calls_at_once:
        yield {
            "tool_calls": [
                {"index": 0, "id": f"id{n}", "function": {"name": name, "arguments": arguments}}
                for n, (name, arguments) in enumerate(script.calls)
            ]
        }
        return
    for index, (name, arguments) in enumerate(script.calls):
        begin = {"index": index, "id": f"id{index}", "type": "function"}
        yield {"tool_calls": [{**begin, "function": {"name": name, "arguments": ""}}]}
        for at in range(0, len(arguments), 3):
            piece = {"arguments": arguments[at : at + 3]}
            yield {"tool_calls": [{"index": index, "function": piece}]}


_CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}


def _event(delta: dict[str, Any], finish_reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return f"data: {json.dumps({**_CHUNK, 'choices': [choice]})}\n\n"


def _usage(script: Script) -> str:
    """The last chunk of who was asked for it: no choices, and what it cost."""
    n_words = len(script.text.split())
    usage = {"prompt_tokens": 1, "completion_tokens": n_words, "total_tokens": n_words + 1}
    return f"data: {json.dumps({**_CHUNK, 'choices': [], 'usage': usage})}\n\n"


def _server(model: ScriptedModel, port: int) -> uvicorn.Server:
    app = FastAPI()
    app.add_api_route("/v1/chat/completions", model.complete, methods=["POST"])
    # critical: a connection that is closed as scripted is no news
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="critical", ws="none", lifespan="off"
    )
    return uvicorn.Server(config)


@asynccontextmanager
async def serving(model: ScriptedModel, port: int = 0) -> AsyncGenerator[int]:
    """Serves the model on 127.0.0.1; gives the port."""
    server = _server(model, port)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await task


if __name__ == "__main__":
    port, answer, *delay_s = sys.argv[1:]
    scripted = ScriptedModel([answer], token_delay_s=float(delay_s[0]) if delay_s else 0.0)
    asyncio.run(_server(scripted, int(port)).serve())
