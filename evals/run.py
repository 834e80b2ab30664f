"""Runs scenarios against the agent: ``python -m evals.run [FILE…] [--url URL]``.

What `pipecat eval run` does, which needs Pipecat's `cli` extra and an older rich than ours.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

from loguru import logger
from pipecat.evals.results import EvalScriptResult
from pipecat.evals.scenario import EvalScenarioFile
from pipecat.evals.script import EvalScriptScenario
from pipecat.evals.script_session import EvalScriptSession
from pipecat.evals.session import EvalSessionParams

from evals.agent import PATH, PORT
from evals.people import ears

HERE = Path(__file__).parent
URL = f"ws://localhost:{PORT}{PATH}"
_PARAMS = EvalSessionParams(use_cache=False)


def scenarios(files: Iterable[Path]) -> list[EvalScriptScenario]:
    """The scripted scenarios of files, in order."""
    return [
        scenario
        for file in files
        for scenario in EvalScenarioFile.load(file)
        if isinstance(scenario, EvalScriptScenario)
    ]


async def play(
    scenario: EvalScriptScenario, url: str, asr_url: str | None = None
) -> EvalScriptResult:
    """Plays one scenario.

    Args:
        scenario: Which.
        url: Of `evals.agent`.
        asr_url: Of the service that hears the agent; None takes the scenario's.
    """
    listener = None if asr_url is None or not scenario.bot_audio else ears({"url": asr_url})
    session = EvalScriptSession.from_scenario(scenario, url, params=_PARAMS, bot_stt=listener)
    return await session.run()


async def main() -> int:
    """Returns the exit code: how many scenarios have failed."""
    parser = argparse.ArgumentParser(prog="python -m evals.run")
    parser.add_argument("files", nargs="*", type=Path, default=sorted(HERE.glob("*.yaml")))
    parser.add_argument("--url", default=URL)
    arguments = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    n_failed = 0
    for scenario in scenarios(arguments.files):
        result = await play(scenario, arguments.url)
        n_failed += not result.passed
        print("passed" if result.passed else "FAILED", scenario.name)
        for failure in result.failures:
            print("   ", failure)
    return n_failed


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
