"""The whole loop with no outside service: ``make demo``.

A small language model behind a real server, and the services as `make run` starts them. Without
turns it prints the page's address and stays. With turns (``make demo TURNS=10``) a caller with a
voice of the TTS service speaks to the agent, in real time, and what was heard and answered is
printed, and where the time went.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.language_model import NAME, LanguageModel, serving_model
from benchmarks.machine import machine
from benchmarks.rows import table
from benchmarks.services import wait_until_ready
from benchmarks.spoken_turns import Turn, spoken, turns

QUESTIONS = (
    "What is the capital of France?",
    "Please tell me the days of the week.",
    "What can I cook with rice and chicken?",
    "Which color do I get from blue and yellow?",
    "Where does the sun rise in the morning?",
    "Can you tell me a short story about a dog?",
    "How many months are there in a year?",
    "Why is it good to drink water?",
    "What should I take with me to the beach?",
    "Thank you very much for your help.",
)
"""What people would ask a small model; natural sentences, and none that it has to know much for."""

PROMPT = (
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face. "
    "Answer in one short sentence."
)
"""Its first sentence is what SmolLM2 was trained with; with others it answers in French."""

_MAX_TOKENS = 60
_EXIT_TIMEOUT_S = 30.0


@contextmanager
def agent(model: LanguageModel, port: int) -> Generator["subprocess.Popen[bytes]"]:
    """All services, as `make run` starts them, with this model behind the agent."""
    advised = {
        "VOICE_AGENT_LLM__SYSTEM_PROMPT": PROMPT,
        "VOICE_AGENT_LLM__MAX_TOKENS": str(_MAX_TOKENS),
        "VOICE_AGENT_LLM__TEMPERATURE": "0",
    }
    environment = advised | os.environ | model.environment()
    command = [sys.executable, "-m", "voice_agent.cli", "up", "--port", str(port)]
    process = subprocess.Popen(command, env=environment)
    try:
        for beside in range(3):
            wait_until_ready(process, f"http://127.0.0.1:{port + beside}/readyz")
        yield process
    finally:
        process.terminate()
        process.wait(_EXIT_TIMEOUT_S)


async def talk(port: int, questions: Sequence[str]) -> list[Turn]:
    """Speaks all questions to the agent at a port; prints each turn when it is over."""
    sounds = await spoken(f"ws://127.0.0.1:{port + 2}/ws", questions)
    done: list[Turn] = []
    async for turn in turns(f"ws://127.0.0.1:{port}/ws", questions, sounds):
        done.append(turn)
        print(shown(len(done), turn), flush=True)
    return done


def shown(number: int, turn: Turn) -> str:
    """One turn, for people."""
    stages = ", ".join(f"{name} {ms:.0f}" for name, ms in turn.stages.items())
    first = "never" if turn.first_sound_ms is None else f"{turn.first_sound_ms:.0f} ms"
    return (
        f"{number:2}  said      {turn.said}\n    heard     {turn.heard}\n"
        f"    answered  {turn.answer.strip()}\n"
        f"    first sound after {first} ({stages}); {turn.spoken_s:.1f} s of speech\n"
    )


def report(done: Sequence[Turn]) -> str:
    """The medians, as markdown."""
    names = list(dict.fromkeys(name for turn in done for name in turn.stages))
    values = {name: [t.stages[name] for t in done if name in t.stages] for name in names}
    values["last sample to first sound"] = [t.first_sound_ms for t in done if t.first_sound_ms]
    rows = [
        [name, f"{statistics.median(ms):.0f}", f"{max(ms):.0f}"]
        for name, ms in values.items()
        if ms
    ]
    words = [[turn.said, turn.heard, " ".join(turn.answer.split())] for turn in done]
    streamed = sum(turn.text_after_sound > 0 for turn in done)
    return (
        "# The whole loop on one machine\n\n"
        f"`make demo TURNS={len(done)}`: {NAME} behind llama.cpp's server, and the services with "
        "their defaults, all on the same cores; a caller speaks in real time.\n\n"
        f"{machine()}.\n\n"
        f"{table(('stage', 'ms, median', 'most'), rows)}\n\n"
        f"{streamed} of {len(done)} answers were heard while they were still written.\n\n"
        f"{table(('said', 'heard', 'answered'), words)}\n"
    )


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=0, help="spoken by themselves; 0: none")
    parser.add_argument("--port", type=int, default=8000, help="of the agent; ASR and TTS follow")
    parser.add_argument("--out", type=Path, help="file for the medians")
    options = parser.parse_args()
    questions = [QUESTIONS[n % len(QUESTIONS)] for n in range(options.turns)]
    with serving_model() as model, agent(model, options.port) as services:
        if not questions:
            services.wait()
            return
        done = asyncio.run(talk(options.port, questions))
    text = report(done)
    print(text)
    if options.out:
        options.out.write_text(text)


if __name__ == "__main__":
    main()
