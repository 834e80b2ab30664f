import json
import os
import pty
import re
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, ROOT, environment, in_process, sentence
from tests.scripted_hub import REVISION, ScriptedHub, serving, whisper_files
from voice_agent.cli.main import app
from voice_agent.cli.models import models
from voice_agent.settings import Settings
from voice_agent.weights.store import model_folder

_PATIENCE_S = 20.0
_MODEL_BYTES = 300_000
_HELD_AT = 100_000


@pytest.fixture
def hub() -> Generator[ScriptedHub]:
    with serving(ScriptedHub(files=whisper_files(_MODEL_BYTES))) as scripted:
        yield scripted


@pytest.fixture
def place(hub: ScriptedHub, tmp_path: Path) -> dict[str, str]:
    """Settings as environment variables."""
    return {"MODELS__HUB_URL": hub.url, "DATA_DIR": str(tmp_path)}


def until(is_so: Callable[[], bool]) -> None:
    """Waits for something that comes without a message."""
    deadline = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def is_there(tmp_path: Path, name: str = "tiny") -> bool:
    settings = Settings(data_dir=tmp_path)
    return model_folder(name, "whisper", settings) == tmp_path / "models" / name


@contextmanager
def pulling(
    hub: ScriptedHub, tmp_path: Path, place: dict[str, str]
) -> Generator["subprocess.Popen[str]"]:
    """A pull in a process of its own that has come half-way, and waits there."""
    hub.hold_at = _HELD_AT
    process = subprocess.Popen(
        # also where this runs in the background of a shell, which ignores Ctrl-C
        ["env", "--default-signal=INT", *COMMAND, "models", "pull", "tiny"],
        cwd=ROOT,
        env=environment(**place),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    part = tmp_path / "models" / ".partial" / "tiny" / REVISION / "model.bin.part"
    try:
        until(lambda: part.is_file() and part.stat().st_size == _HELD_AT)
        yield process
    finally:
        process.kill()
        process.communicate()
        hub.hold_at = None


def test_a_pulled_model_is_listed_planned_and_removed(
    hub: ScriptedHub, place: dict[str, str], tmp_path: Path
) -> None:
    dry = in_process("models", "pull", "tiny", "--dry-run", **place)
    assert dry.stdout.startswith("tiny: 0.3 MB, to download 0.3 MB, from Systran/faster-whisper-")
    assert re.search(r"model\.bin +0\.3 MB +0\.0 MB here", dry.stdout)
    assert not (tmp_path / "models").exists()

    result = in_process("models", "pull", "tiny", **place)
    assert result.exit_code == 0, result.stderr
    folder = tmp_path / "models" / "tiny"
    came = f"revision {REVISION[:12]}, from the model hub at {hub.url}"
    assert result.stdout == f"tiny: 0.3 MB in {folder} ({came})\n"
    assert is_there(tmp_path)

    listed = in_process("models", "list", **place).stdout
    assert f"in {folder.parent}:\n  tiny  0.3 MB  {came}; licence: MIT\n" in listed
    assert re.search(r"^  turbo +about 1618 MB", listed, re.MULTILINE)

    asked = in_process("models", "remove", "tiny", **place)
    assert "remove tiny (0.3 MB)" in asked.stdout
    assert asked.exit_code == 1
    assert is_there(tmp_path)
    gone = in_process("models", "remove", "tiny", "--yes", **place)
    assert gone.stdout == "removed tiny: 0.3 MB\n"
    assert not folder.exists()
    assert "no models here yet" in in_process("models", "list", **place).stdout
    assert "there is no model tiny" in sentence(in_process("models", "remove", "tiny", **place))


def test_scripts_get_json(hub: ScriptedHub, place: dict[str, str], tmp_path: Path) -> None:
    planned = json.loads(
        in_process("models", "pull", "tiny", "--dry-run", "--json", **place).stdout
    )
    assert planned["revision"] == REVISION
    assert planned["bytes"] == planned["fetch_bytes"] == sum(f["bytes"] for f in planned["files"])
    told = json.loads(in_process("models", "pull", "tiny", "--json", **place).stdout)
    assert told["folder"] == str(tmp_path / "models" / "tiny")
    listed = json.loads(in_process("models", "list", "--json", **place).stdout)
    assert listed["installed"] == [told]
    assert (told["revision"], told["complete"]) == (REVISION, True)
    assert (told["source"], told["licence"]) == (f"the model hub at {hub.url}", "MIT")
    names = {each["name"] for each in listed["available"]}
    assert "turbo" in names
    assert "tiny" not in names


def test_the_library_s_own_variable_names_the_hub_too(hub: ScriptedHub, tmp_path: Path) -> None:
    result = subprocess.run(
        [*COMMAND, "models", "pull", "tiny"],
        cwd=ROOT,
        env={**environment(DATA_DIR=tmp_path), "HF_ENDPOINT": hub.url, "HF_HOME": f"{tmp_path}/hf"},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
    )
    assert result.returncode == 0, result.stderr
    assert is_there(tmp_path)
    # lines, as stderr is no terminal
    lines = result.stderr.splitlines()
    assert all(re.match(r"tiny: \d\.\d of 0\.3 MB, ", line) for line in lines)
    assert 3 < len(lines) < 30
    # the library keeps nothing of its own
    assert not (tmp_path / "hf").exists()


@pytest.mark.slow
def test_a_killed_pull_goes_on_where_it_was(
    hub: ScriptedHub, place: dict[str, str], tmp_path: Path
) -> None:
    with pulling(hub, tmp_path, place) as process:
        process.kill()
        process.wait()
    assert not (tmp_path / "models" / "tiny").exists()
    listed = in_process("models", "list", **place).stdout
    assert re.search(r"^  tiny +0\.1 MB +unfinished: pull it again$", listed, re.MULTILINE)
    result = in_process("models", "pull", "tiny", **place)
    assert result.exit_code == 0, result.stderr
    assert is_there(tmp_path)
    assert hub.transfers() == ["", f"bytes={_HELD_AT}-"]


def test_ctrl_c_says_how_to_go_on(hub: ScriptedHub, place: dict[str, str], tmp_path: Path) -> None:
    with pulling(hub, tmp_path, place) as process:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=_PATIENCE_S)
        assert process.returncode == 130
    assert said.splitlines()[-1] == "stopped; voice-agent models pull tiny goes on where it was"
    assert "Traceback" not in said
    in_process("models", "pull", "tiny", **place)
    assert hub.transfers() == ["", f"bytes={_HELD_AT}-"]
    assert is_there(tmp_path)


@pytest.mark.slow
def test_two_commands_at_once_fetch_once(
    hub: ScriptedHub, place: dict[str, str], tmp_path: Path
) -> None:
    with pulling(hub, tmp_path, place) as first:
        second = subprocess.Popen(
            [*COMMAND, "models", "pull", "tiny"],
            cwd=ROOT,
            env=environment(**place),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr is not None
        assert "waiting for another pull of it" in second.stderr.readline()
        hub.release.set()
        assert first.wait(_PATIENCE_S) == 0
        _, said = second.communicate(timeout=_PATIENCE_S)
        assert second.returncode == 0
    assert "is here already" in said
    assert hub.transfers() == [""]
    assert is_there(tmp_path)


def test_what_cannot_be_written_is_one_sentence(
    hub: ScriptedHub, place: dict[str, str], tmp_path: Path
) -> None:
    def small_files_only() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    result = subprocess.run(
        [*COMMAND, "models", "pull", "tiny"],
        cwd=ROOT,
        env=environment(**place),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        preexec_fn=small_files_only,
    )
    assert result.returncode == 1
    said = result.stderr.splitlines()[-1]
    assert said == (
        f"error: cannot write models to {tmp_path}/models (file too large);"
        " put that right, or set models.dir"
    )


def test_a_bar_is_shown_on_a_terminal(
    hub: ScriptedHub, place: dict[str, str], tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    try:
        result = subprocess.run(
            [*COMMAND, "models", "pull", "tiny"],
            cwd=ROOT,
            env={**environment(**place), "TERM": "xterm"},
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            timeout=_PATIENCE_S,
        )
        os.set_blocking(ours, False)
        shown = os.read(ours, 65_536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert result.returncode == 0
    assert result.stdout.startswith("tiny: 0.3 MB in ")
    assert "━" in shown
    assert is_there(tmp_path)


def test_what_cannot_work_is_one_sentence(hub: ScriptedHub, place: dict[str, str]) -> None:
    def said(name: str, **settings: object) -> str:
        return sentence(in_process("models", "pull", name, **{**place, **settings}))

    assert "did you mean tiny" in said("tinny")
    assert "models.offline is set" in said("tiny", MODELS__OFFLINE="true")
    assert hub.seen == []
    assert "the hub has no somebody/nothing" in said("somebody/nothing")
    hub.status = 401
    assert "to everybody (401)" in said("tiny")
    hub.status = 200
    hub.lies = {"config.json"}
    result = in_process("models", "pull", "tiny", **place)
    assert result.exit_code == 1
    assert "config.json of tiny has another checksum" in result.stderr.splitlines()[-1]
    assert in_process("models", "pull").exit_code == 2


def test_the_doctor_knows_the_models(
    hub: ScriptedHub, place: dict[str, str], tmp_path: Path
) -> None:
    def found() -> dict[str, str]:
        told = json.loads(in_process("doctor", "--json", **place).stdout)
        return next(each for each in told["findings"] if each["what"] == "models")

    assert found()["verdict"] == "note"
    in_process("models", "pull", "tiny", **place)
    assert (found()["verdict"], found()["detail"]) == (
        "ok",
        f"tiny (0 MB) in {tmp_path}/models",
    )
    (tmp_path / "models" / "tiny" / "model.bin").write_bytes(b"")
    assert "model.bin is empty" in found()["detail"]
    assert found()["hint"] == "voice-agent models pull tiny"


def test_every_command_of_the_group_is_documented() -> None:
    text = (ROOT / "docs" / "command-line.md").read_text()
    documented = set(re.findall(r"^\$ voice-agent models (\w+) --help$", text, re.MULTILINE))
    assert documented == {command.name for command in models.registered_commands}
    assert "models" in {group.name for group in app.registered_groups}
