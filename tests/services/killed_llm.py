"""Language models that are killed in the middle of an answer: ``make kill-llm``.

The models are scripted; their processes, the connections and the agent are real. In each
round a model dies before its first word or in the middle of its answer, and comes back a
while later, or another one is there. The caller must hear the whole answer, once.
"""

import asyncio
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2

from tests.services.conftest import RunningService, running
from tests.services.conversing import Caller, conversing

ANSWER = "Your order left on Monday, it is in the city now, and it arrives tomorrow morning."
_ROOT = Path(__file__).parents[2]
_TOKEN_DELAY_S = 0.15


class Model:
    """A model's process, to be killed and started again."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Starts it, and waits until it listens."""
        serve = [sys.executable, "-m", "tests.scripted_llm", str(self.port), ANSWER]
        self._process = subprocess.Popen([*serve, str(_TOKEN_DELAY_S)], cwd=_ROOT)
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s:
            try:
                httpx2.get(f"{self.url}/models")
            except httpx2.TransportError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("the scripted model did not start")

    def kill(self) -> None:
        """Ends it at once, if it runs."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextmanager
def models(count: int) -> Iterator[list[Model]]:
    """Some that run."""
    with ExitStack() as stack:
        made = [Model() for _ in range(count)]
        for model in made:
            stack.callback(model.kill)
            model.start()
        yield made


@contextmanager
def agent_of(models: list[Model]) -> Iterator[RunningService]:
    """An agent that asks the first and falls back on the others."""
    first, *others = models
    fallbacks = ", ".join(f'{{"base_url": "{other.url}"}}' for other in others)
    with running(
        "agent",
        LLM__BASE_URL=first.url,
        LLM__MODEL="scripted",
        LLM__FALLBACKS=f"[{fallbacks}]",
    ) as service:
        yield service


async def killed_in_a_turn(caller: Caller, model: Model, *, after_s: float, away_s: float) -> None:
    """Asks, kills the model, and hears the whole answer all the same.

    Args:
        caller: In a conversation.
        model: Runs, and is asked first.
        after_s: When it is killed.
        away_s: When it is started again.
    """
    turn = await caller.ask("where is my order")
    await asyncio.sleep(after_s)
    model.kill()
    await asyncio.sleep(away_s)
    await asyncio.to_thread(model.start)
    end = (await caller.until("answer_end", turn=turn)).message
    assert caller.text_of(turn).split() == ANSWER.split(), caller.text_of(turn)
    assert end["heard_text"].split() == ANSWER.split(), end
    assert end["interrupted"] is False
    assert caller.of("error") == []


async def survive(service: RunningService, model: Model, rounds: int) -> None:
    """One conversation, in which the model is killed so often, at random moments."""
    chance = random.Random(rounds)
    async with conversing(service.ws) as caller:
        for _ in range(rounds):
            await killed_in_a_turn(
                caller,
                model,
                after_s=chance.uniform(0.0, 1.8),
                away_s=chance.uniform(0.0, 2.0),
            )


def main() -> int:
    """Returns the exit code."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    for count in (1, 2):
        with models(count) as made, agent_of(made) as service:
            asyncio.run(survive(service, made[0], rounds))
        print(f"{count} endpoints: {rounds} of {rounds} kills survived")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
