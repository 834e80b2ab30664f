"""Every example runs as its first lines say, against real services."""

import ast
import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.scripted_llm import ScriptedModel, serving
from tests.services.conftest import RunningService, asr, running, tts
from tests.speech import GOOD_VOICE, dialogue, error_rate

pytestmark = pytest.mark.e2e
__all__ = ["asr", "tts"]

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PATTERNS = {"asr_only", "tts_only", "direct", "client_orchestrated", "server_orchestrated"}
SAID = "what is two plus three"
MAX_LINES = 46


@pytest.fixture(scope="module")
def agent() -> Generator[RunningService]:
    with running("agent") as service:
        yield service


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("question") / "question.wav"
    soundfile.write(path, dialogue([SAID], 0.7), 16_000)
    return path


def example(name: str, *arguments: object, **settings: str) -> list[str]:
    """Runs an example to its end; gives the lines that it printed."""
    done = subprocess.run(
        [sys.executable, f"examples/{name}.py", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {f"VOICE_AGENT_{key}": value for key, value in settings.items()},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def heard_in(path: Path, service: RunningService) -> str:
    """What our own recogniser hears in a file."""
    lines = example("asr_only", path, service.ws)
    finals = [re.sub(r"^ *[\d.]+ s  ", "", line) for line in lines if "…" not in line]
    return " ".join(finals)


def seconds(path: Path) -> float:
    samples, rate_hz = soundfile.read(path)
    assert rate_hz == 24_000
    assert np.abs(samples).max() > 0.1
    return len(samples) / rate_hz


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_forty_lines_of_code(path: Path) -> None:
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            del node.body[0]
    lines = [line for line in ast.unparse(tree).splitlines() if line.strip()]
    assert len(lines) <= MAX_LINES


def test_every_pattern_has_an_example() -> None:
    assert {path.stem for path in EXAMPLES} >= PATTERNS


def test_asr_only_prints_partials_and_the_final(asr: RunningService, question: Path) -> None:
    *partials, final = example("asr_only", question, asr.ws)
    assert partials
    assert all("…" in line and "|" in line for line in partials)
    assert re.fullmatch(rf" *[\d.]+ s  {SAID}\W*", final, re.IGNORECASE)


def test_plain_websockets_do_too(asr: RunningService, question: Path) -> None:
    [final] = example("plain_websockets", question, asr.ws)
    assert error_rate(SAID, final) == 0
    source = (ROOT / "examples/plain_websockets.py").read_text()
    assert "voice_agent" not in source


def test_tts_only_speaks_in_the_voice(
    tts: RunningService, asr: RunningService, tmp_path: Path
) -> None:
    path = tmp_path / "said.wav"
    lines = example("tts_only", f"{SAID}?", path, GOOD_VOICE, tts.ws)
    assert "".join(line[10:] for line in lines).startswith(SAID[:10])
    assert 0.5 < seconds(path) < 5
    assert error_rate(SAID, heard_in(path, asr)) < 0.5
    other = tmp_path / "other.wav"
    example("tts_only", f"{SAID}?", other, "en-us+f2", tts.ws)
    assert other.read_bytes() != path.read_bytes()


def test_direct_says_what_was_said(
    asr: RunningService, tts: RunningService, question: Path, tmp_path: Path
) -> None:
    path = tmp_path / "echo.wav"
    [line] = example("direct", question, path, asr.ws, tts.ws)
    assert error_rate(SAID, line) == 0
    assert 0.5 < seconds(path) < 5


async def test_a_client_orchestrates(
    asr: RunningService, tts: RunningService, question: Path, tmp_path: Path
) -> None:
    path = tmp_path / "answer.wav"
    model = ScriptedModel(answers=["It is five. Is there anything else?"])
    async with serving(model) as port:
        asked, *answer = await asyncio.to_thread(
            example,
            "client_orchestrated",
            question,
            path,
            asr.ws,
            tts.ws,
            LLM__BASE_URL=f"http://127.0.0.1:{port}/v1",
            LLM__MODEL="scripted",
        )
    [[message]] = model.asked
    assert error_rate(SAID, message["content"]) == 0
    assert asked == f"> {message['content']}"
    assert answer == ["It is five.", "Is there anything else?"]
    assert 1 < seconds(path) < 8


def test_the_agent_orchestrates(agent: RunningService, question: Path, tmp_path: Path) -> None:
    path = tmp_path / "answer.wav"
    asked, answer = example("server_orchestrated", question, path, agent.ws)
    assert error_rate(SAID, asked) == 0
    text, stages = answer.split(" | ")
    assert text == "Two plus three is five."
    assert re.search(r"final [\d.]+ ms, llm [\d.]+ ms, speech [\d.]+ ms", stages)
    assert 0.5 < seconds(path) < 8
