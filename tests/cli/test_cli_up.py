import asyncio
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests import real_models
from tests.cli.command import COMMAND, ROOT, environment, in_process, sentence
from voice_agent.cli.http_probe import get_json, info_when_ready
from voice_agent.cli.supervisor import Restarts

pytestmark = pytest.mark.e2e

_PATIENCE_S = 45.0


def free_ports() -> int:
    """The first of three free ports in a row."""
    for first in range(21_000, 32_000, 7):
        try:
            for port in range(first, first + 3):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    raise RuntimeError("no three free ports in a row")


def until(is_so: Callable[[], bool]) -> None:
    """Waits for something that comes without a message."""
    deadline = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def ready(port: int) -> None:
    async def wait() -> None:
        async with asyncio.timeout(_PATIENCE_S):
            await info_when_ready(f"http://127.0.0.1:{port}")

    asyncio.run(wait())


@contextmanager
def up(*options: object, **settings: object) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [*COMMAND, "up", *map(str, options)],
        cwd=ROOT,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def family(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def service_process(process: "subprocess.Popen[str]", name: str) -> psutil.Process:
    """The newest process of a service."""
    children = psutil.Process(process.pid).children()
    return next(child for child in children if name in child.cmdline())


@pytest.mark.slow
def test_three_services_start_survive_a_kill_and_end_in_order() -> None:
    port = free_ports()
    with up("--port", port, MODELS__DIR=real_models.base().parent) as process:
        for each in range(port, port + 3):
            ready(each)

        said = sentence(in_process("up", "--port", port + 2, "--no-asr", "--no-tts"))
        assert f"cannot have port {port + 2} of 127.0.0.1 (a voice-agent tts service)" in said

        victim = service_process(process, "tts")
        victim.kill()
        until(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE)
        ready(port + 2)
        assert service_process(process, "tts").pid != victim.pid

        everyone = family(process)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=_PATIENCE_S)
        assert process.returncode == 0
        psutil.wait_procs(everyone, timeout=_PATIENCE_S)
        assert [p for p in everyone if p.is_running()] == []
    assert f"http://localhost:{port}" in out
    for engine in ("whisper", "piper", "rules"):
        assert engine in out


@pytest.mark.slow
def test_without_a_model_it_runs_and_says_in_a_line_what_is_missing(tmp_path: Path) -> None:
    port = free_ports()
    with up("--port", port, MODELS__DIR=tmp_path, MODELS__OFFLINE=True) as process:
        ready(port + 2)
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=_PATIENCE_S)
        assert process.returncode == 0
    by_service = {line.split()[0]: line for line in told}
    for service in ("asr", "agent"):
        assert "is not ready: " in by_service[service]
        assert by_service[service].count("no Whisper model is on this machine; run: ") == 1
    assert "speaks: espeak" in by_service["tts"]


@pytest.mark.slow
def test_nothing_is_left_when_the_parent_is_killed() -> None:
    port = free_ports()
    with up("--port", port, "--no-agent", "--no-asr") as process:
        ready(port + 2)
        everyone = family(process)
        assert everyone
        process.kill()
        _, alive = psutil.wait_procs(everyone, timeout=_PATIENCE_S)
        assert alive == []
    assert get_json(f"http://127.0.0.1:{port + 2}/healthz") is None


def test_what_cannot_work_is_one_sentence_and_nothing_starts() -> None:
    port = free_ports()
    said = sentence(in_process("up", "--port", port, TTS__ENGINE="nonsense", MODELS__OFFLINE=True))
    assert "no engine nonsense" in said
    assert "no engine nonsense" in sentence(in_process("serve", "asr", ASR__ENGINE="nonsense"))
    llm = {"LLM__BASE_URL": "http://localhost/v1", "MODELS__OFFLINE": True}
    assert "name the model" in sentence(in_process("up", "--port", port, **llm))
    assert "server.max_sessions" in sentence(in_process("up", SERVER__MAX_SESSIONS="no"))
    assert "none.toml" in sentence(in_process("serve", "tts", "--config", "none.toml"))
    assert in_process("serve", "nothing").exit_code == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = sentence(in_process("serve", "tts", "--port", taken.getsockname()[1]))
        assert "in use" in said


def test_restarts_back_off_and_stop_after_five_deaths_in_a_minute() -> None:
    restarts = Restarts()
    assert [restarts.died(at) for at in (0, 2, 4, 6)] == [0.5, 1, 2, 4]
    assert restarts.died(10) is None


def test_restarts_go_on_when_deaths_are_rare() -> None:
    restarts = Restarts()
    assert [restarts.died(50.0 * n) for n in range(20)] == [0.5] + [1.0] * 19
