"""An endpoint that speaks OpenAI's interface for chats, over HTTP."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

from openai import APIStatusError, AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk

from voice_agent.engines.clauses import is_speakable
from voice_agent.llm.health import Health
from voice_agent.llm.request import EndpointFailed, Piece, Question
from voice_agent.llm.think_tags import ThinkTags
from voice_agent.llm.tool_calls import CallAssembler, ToolCall

# when it does not say itself for how long it is too busy
_REST_S = 1.0
# longer than any caller waits
_REST_AT_MOST_S = 60.0
# what is wrong with a question, not with the endpoint
_QUESTION_REFUSED = (400, 413, 422)


class OpenAIEndpoint:
    """A model at an address. One object a process; its connections are kept.

    Args:
        client: Speaks to the address.
        model: A name that is known there.
        template_opens_thought: Answers begin within a thought.
    """

    def __init__(
        self, client: AsyncOpenAI, model: str, *, template_opens_thought: bool = False
    ) -> None:
        self._template_opens_thought = template_opens_thought
        self._client = client
        self._model = model
        host = urlsplit(str(client.base_url)).netloc
        # its newer models refuse the old name, most other servers the new one
        self._max_tokens = "max_completion_tokens" if host == "api.openai.com" else "max_tokens"
        self.name = f"{model} at {host}"
        self.health = Health(self.name)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def _begin(
        self, question: Question, options: dict[str, Any]
    ) -> AsyncStream[ChatCompletionChunk]:
        # the client's own types say nothing of what other servers take
        create = cast(Any, self._client.chat.completions.create)
        return await create(messages=question.messages, **options)

    async def write(
        self, question: Question, patience_s: Callable[[], float]
    ) -> AsyncGenerator[Piece]:
        """See `voice_agent.llm.request.Endpoint`."""
        options: dict[str, Any] = {**question.options, "model": self._model, "stream": True}
        if question.max_tokens:
            options[self._max_tokens] = question.max_tokens
        calls, thoughts = CallAssembler(), ThinkTags(opened=self._template_opens_thought)
        finished = False
        written = ""
        with _failures():
            async with asyncio.timeout(patience_s()):
                stream = await self._begin(question, options)
            async with _closing(stream) as chunks:
                while chunk := await _next(chunks, patience_s()):
                    # what a server sends is not checked by the client: anything may be missing
                    for choice in (chunk.choices or [])[:1]:
                        finished = finished or bool(choice.finish_reason)
                        calls.feed(choice.delta.tool_calls or [])
                        text = thoughts.feed(_text(choice.delta.content))
                        if text and not _is_call(text, calls.calls):
                            written += text
                            yield text
        if text := thoughts.flush():
            written += text
            yield text
        # text without an end counts as finished: a broken connection raises
        if not finished and (calls.calls or not written):
            raise EndpointFailed("it wrote no answer", again=True)
        if not (calls.calls or question.may_be_empty or is_speakable(written)):
            # all tokens thought away, filtered, refused, or only signs
            raise EndpointFailed("there is no word in its answer", again=True, empty=True)
        for call in calls.calls:
            yield call


async def _next(
    chunks: AsyncGenerator[ChatCompletionChunk], patience_s: float
) -> ChatCompletionChunk | None:
    async with asyncio.timeout(patience_s):
        return await anext(chunks, None)


def _text(content: object) -> str:
    """What a delta adds to the answer: a text, or a list of parts of which some are text."""
    if isinstance(content, str | None):
        return content or ""
    if not isinstance(content, list):
        raise ValueError("the answer is no text")
    parts = cast(list[dict[str, Any]], content)
    return "".join(str(part.get("text") or "") for part in parts if part.get("type") == "text")


def _is_call(text: str, calls: Sequence[ToolCall]) -> bool:
    """Whether a text is a call that comes as such, too."""
    return any(text.lstrip().startswith(f"{call.name}(") for call in calls)


@asynccontextmanager
async def _closing(
    stream: AsyncStream[ChatCompletionChunk],
) -> AsyncGenerator[AsyncGenerator[ChatCompletionChunk]]:
    """The stream's chunks; at the end the request is over, complete or not.

    The iterator is closed first: left to the garbage collector, it would be closed late.
    """
    chunks = cast(Any, stream)._iterator  # __aiter__ wraps it and does not close it
    try:
        yield chunks
    finally:
        await chunks.aclose()
        await stream.close()


@contextmanager
def _failures() -> Generator[None]:
    """Whatever goes wrong with a request, as `EndpointFailed`."""
    try:
        yield
    except TimeoutError:
        raise EndpointFailed("it was silent for too long") from None
    except APIStatusError as error:
        raise _refused(error) from None
    except Exception as error:
        # connections break and servers send nonsense in many ways; what an error says may
        # quote the conversation
        raise EndpointFailed(type(error).__name__, again=True) from None


def _refused(error: APIStatusError) -> EndpointFailed:
    status = error.status_code
    busy = status == 429 or (status == 503 and "retry-after" in error.response.headers)
    passing = status >= 500 or status in (408, 409)
    return EndpointFailed(
        f"HTTP {status} {_code(error)}".rstrip(),
        again=passing and not busy,
        final=not passing and not busy,
        blame=status not in _QUESTION_REFUSED,
        template=status == 500,
        rest_s=_rest_s(error.response.headers.get("retry-after", "")) if busy else 0.0,
    )


def _code(error: APIStatusError) -> str:
    """What it calls the error, if that is one word: other fields may quote the conversation."""
    code = str(error.code or "")
    return code if re.fullmatch(r"[\w.-]{1,40}", code) else ""


def _rest_s(retry_after: str) -> float:
    try:
        return min(max(float(retry_after), 0.1), _REST_AT_MOST_S)
    except ValueError:
        return _REST_S  # a date, or nothing
