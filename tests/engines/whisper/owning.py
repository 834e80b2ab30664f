"""An owner over a scripted model, in its real thread, and what the tests ask of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import REGISTRY

from tests.engines.whisper.scripted_model import (
    Call,
    ScriptedModel,
    says_labels,
    window,
)
from voice_agent.engines.base import Priority
from voice_agent.engines.whisper.batch_loop import BatchLoop
from voice_agent.engines.whisper.decode_job import DecodeJob
from voice_agent.engines.whisper.hypothesis import Hypothesis

Waiting = asyncio.Task[Hypothesis | None]
ScriptedOwner = BatchLoop[ScriptedModel]


@asynccontextmanager
async def opened(
    *models: ScriptedModel, max_batch: int = 8, **options: Any
) -> AsyncIterator[ScriptedOwner]:
    owner = BatchLoop(lambda: models, max_batch=max_batch, **options)
    await owner.open()
    try:
        yield owner
    finally:
        for model in models:
            model.let_go()
        await owner.close()


def ask(
    owner: ScriptedOwner,
    label: int,
    session_id: str = "",
    *,
    model: str = "script",
    is_final: bool = True,
    timeout_s: float = 10.0,
    beam_size: int = 1,
    **fields: Any,
) -> Waiting:
    work = DecodeJob(
        window=window(label, **fields), model=model, is_final=is_final, beam_size=beam_size
    )
    return asyncio.create_task(
        owner.run(
            work,
            session_id=session_id or f"session {label}",
            priority=Priority.FINAL if is_final else Priority.PARTIAL,
            timeout_s=timeout_s,
        )
    )


async def busy(owner: ScriptedOwner, model: ScriptedModel) -> Waiting:
    """A job that is held up in the model, so that what comes next has to wait."""
    model.hold()
    running = ask(owner, 0, model=model.name)
    await model.begun()
    return running


async def texts(*waiting: Waiting) -> list[str | None]:
    found = await asyncio.gather(*waiting)
    return [hypothesis.text if hypothesis else None for hypothesis in found]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  what a thread has done is seen in no event
            await asyncio.sleep(0.002)


def metric(name: str, **labels: str) -> float:
    labels = {"engine": "whisper"} | labels
    return REGISTRY.get_sample_value(f"voice_agent_engine_{name}", labels) or 0.0


def trouble(what: str) -> float:
    return metric("trouble_total", what=what)


def too_large_above(limit: int, error: Exception) -> Callable[[Call], list[Hypothesis]]:
    def script(call: Call) -> list[Hypothesis]:
        if len(call.windows) > limit:
            raise error
        return says_labels(call)

    return script


def raises(error: BaseException) -> Callable[[Call], list[Hypothesis]]:
    def script(_: Call) -> list[Hypothesis]:
        raise error

    return script


def breaks_on(label: int) -> Callable[[Call], list[Hypothesis]]:
    def script(call: Call) -> list[Hypothesis]:
        if label in call.labels:
            raise RuntimeError("bad window")
        return says_labels(call)

    return script
