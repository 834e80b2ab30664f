"""A language model's processor between two ends, and a scripted model behind it over HTTP."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pipecat.frames.frames import LLMContextFrame, LLMFullResponseEndFrame, LLMTextFrame
from pipecat.processors.aggregators.llm_context import LLMContext

from processors.language_model import LanguageModel
from processors.llm_backend import LLMBackend
from processors.tools import tool_of
from tests.processors.chain import Chain, chained
from tests.scripted_llm import ScriptedModel, serving
from voice_agent.frames import AnswerStartFrame
from voice_agent.settings import LlmSettings

PROMPT = {"role": "system", "content": "Be brief."}
QUESTION = {"role": "user", "content": "where is my order"}


class Thinking:
    """Made by `thinking`."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._turn = 0

    async def ask(self) -> None:
        """A question, as the conversation puts it."""
        self._turn += 1
        context = LLMContext([PROMPT, QUESTION])  # pyright: ignore[reportArgumentType]
        start = AnswerStartFrame(turn=self._turn)
        await self.chain.send(start, LLMContextFrame(context=context))

    async def answer(self) -> str:
        """The text of the answer to a question; what came before is put away."""
        self.chain.down.frames.clear()
        await self.ask()
        await self.chain.down.until(LLMFullResponseEndFrame)
        return self.text

    @property
    def text(self) -> str:
        return "".join(frame.text for frame in self.chain.down.of(LLMTextFrame))


@asynccontextmanager
async def thinking(
    model: ScriptedModel, *functions: object, **settings: Any
) -> AsyncGenerator[Thinking]:
    """Serves the model to a processor that may call the functions."""
    async with serving(model) as port, thinking_at([port], functions, **settings) as it:
        yield it


@asynccontextmanager
async def thinking_at(
    ports: Sequence[int], functions: Sequence[object] = (), **settings: Any
) -> AsyncGenerator[Thinking]:
    """The same, with models that are somewhere, or are not."""
    first, *others = [f"http://127.0.0.1:{port}/v1" for port in ports]
    llm = LlmSettings.model_validate(
        {
            "base_url": first,
            "model": "scripted",
            "fallbacks": [{"base_url": url} for url in others],
            **settings,
        }
    )
    mind = LLMBackend(llm, log_text=False)
    mind.add([tool_of(function, timeout_s=llm.tool_timeout_s) for function in functions])
    await mind.load()
    try:
        async with chained(LanguageModel(mind)) as chain:
            yield Thinking(chain)
    finally:
        await mind.close()
