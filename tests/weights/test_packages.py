"""Models out of installed packages."""

import io
import sys
from collections.abc import Generator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.scripted_hub import ScriptedHub, serving
from tests.weights.toy import (
    FILES,
    HASTY,
    PARTS,
    REVISION,
    hub_with_toy,
    is_whole,
    settings_for,
    toy,
    wheels,
)
from voice_agent.errors import PullFailed
from voice_agent.settings import Settings
from voice_agent.weights.manifest import read_manifest
from voice_agent.weights.pull import Progress, pull
from voice_agent.weights.sources import Origin
from voice_agent.weights.store import installed, models_dir, partial_of

PART_1 = Path("toy_model_part1/data/model.bin.part1")
PART_2 = Path("toy_model_part2/data/model.bin.part2")


@pytest.fixture
def hub() -> Generator[ScriptedHub]:
    with serving(hub_with_toy()) as scripted:
        yield scripted


@pytest.fixture
def settings(hub: ScriptedHub, tmp_path: Path) -> Settings:
    return settings_for(tmp_path / "models", hub.url)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path of modules with both packages, as pip installs them."""
    folder = tmp_path / "site"
    for data in wheels(touched=str(tmp_path / "was-run")).values():
        with ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(folder)
    monkeypatch.syspath_prepend(folder)
    return folder


def pulled(settings: Settings, origin: Origin = "any") -> tuple[Path, list[str]]:
    """The folder, and why sources were refused."""
    refused: list[str] = []
    folder = pull(
        toy(),
        settings,
        on_progress=lambda _: None,
        on_refusal=refused.append,
        patience=HASTY,
        origin=origin,
    )
    return folder, refused


def test_installed_packages_are_joined_without_a_network_and_never_imported(
    hub: ScriptedHub, settings: Settings, site: Path, tmp_path: Path
) -> None:
    settings.models.offline = True
    folder, refused = pulled(settings)
    assert folder == models_dir(settings) / "toy"
    assert is_whole(folder)
    assert refused == []
    assert hub.seen == []
    assert not (tmp_path / "was-run").exists()
    assert not {name for name in sys.modules if name.startswith("toy_model")}
    [model] = installed(settings)
    assert model.source == "the installed packages toy-model-part1 1.0.0 and toy-model-part2 1.0.0"
    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.repository == "somebody/toy"
    assert not partial_of(folder).exists()


def test_progress_grows_to_the_whole_model(settings: Settings, site: Path) -> None:
    told: list[Progress] = []
    pull(toy(), settings, on_progress=told.append, patience=HASTY)
    done = [progress.done_bytes for progress in told]
    assert done == sorted(done)
    assert done[-1] == told[-1].total_bytes == sum(map(len, FILES.values()))
    assert {"joining model.bin.part1", "checking model.bin"} <= {each.doing for each in told}


@pytest.mark.parametrize("place", [0, 5_000, 399_999])
def test_one_flipped_byte_is_refused_and_the_hub_is_asked(
    hub: ScriptedHub, settings: Settings, site: Path, place: int
) -> None:
    data = bytearray((site / PART_2).read_bytes())
    data[place] ^= 0x10
    (site / PART_2).write_bytes(data)
    folder, [why] = pulled(settings)
    assert why == (
        "model.bin in the installed packages toy-model-part1 1.0.0 and toy-model-part2 1.0.0 is"
        " not the official file (another sha256) and is not used"
    )
    assert is_whole(folder)
    assert installed(settings)[0].source == f"the model hub at {hub.url}"
    # nothing of the wrong file was gone on with
    assert hub.transfers() == [""]


@pytest.mark.parametrize("part", [PART_1, PART_2], ids=["first", "second"])
@pytest.mark.parametrize("keep", [0, 200_000])
def test_half_a_part_is_seen_before_anything_is_joined(
    settings: Settings, site: Path, part: Path, keep: int
) -> None:
    (site / part).write_bytes((site / part).read_bytes()[:keep])
    folder, [why] = pulled(settings)
    package = part.parts[0].replace("_", "-")
    assert why == (
        f"{part.name} of the installed package {package} has {keep} bytes instead of 400000"
    )
    assert is_whole(folder)


def test_a_part_that_grew_is_no_part(settings: Settings, site: Path) -> None:
    with (site / PART_1).open("ab") as file:
        file.write(b"more")
    folder, [why] = pulled(settings)
    assert "has 400004 bytes instead of 400000" in why
    assert is_whole(folder)


def test_one_package_of_two_is_named(
    settings: Settings, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (site / "toy_model_part2-1.0.0.dist-info").iterdir():
        path.unlink()
    (site / "toy_model_part2-1.0.0.dist-info").rmdir()
    folder, [why] = pulled(settings)
    assert why == "the package toy-model-part2 is not installed"
    assert is_whole(folder)


def test_what_the_installer_did_not_list_is_not_read(settings: Settings, site: Path) -> None:
    record = site / "toy_model_part1-1.0.0.dist-info" / "RECORD"
    lines = [line for line in record.read_text().splitlines() if "part1/data/model.bin" not in line]
    record.write_text("\n".join(lines) + "\n")
    folder, [why] = pulled(settings)
    assert why == f"the installed package {PARTS[0]} 1.0.0 has no {PART_1}"
    assert is_whole(folder)


def test_all_reasons_are_told_with_a_way_out(
    hub: ScriptedHub, settings: Settings, site: Path
) -> None:
    (site / PART_1).unlink()
    hub.status = 404
    settings_off = settings.model_copy(deep=True)
    with pytest.raises(PullFailed) as raised:
        pull(toy(), settings_off, on_progress=lambda _: None, patience=HASTY, origin="hub")
    assert raised.value.message == "the hub has no somebody/toy, or not all of its files (404)"
    settings.models.offline = True
    with pytest.raises(PullFailed) as raised:
        pulled(settings)
    said = raised.value.message
    assert "toy could not be brought: model.bin.part1 of the installed package" in said
    assert "models.offline is set" in said
    assert said.endswith(f"or copy the model's folder to {models_dir(settings)}/toy")
    assert said.count("models.offline") == 1
    assert "\n" not in said


def test_a_join_that_was_interrupted_goes_on(settings: Settings, site: Path) -> None:
    staging = partial_of(models_dir(settings) / "toy") / REVISION
    staging.mkdir(parents=True)
    (staging / "model.bin.part").write_bytes(FILES["model.bin"][:500_000])
    told: list[Progress] = []
    folder = pull(toy(), settings, on_progress=told.append, patience=HASTY)
    assert is_whole(folder)
    joined = [each for each in told if each.doing.startswith("joining model.bin")]
    assert {each.doing for each in joined} == {"joining model.bin.part2"}


def test_a_part_that_was_left_wrong_is_begun_again(settings: Settings, site: Path) -> None:
    staging = partial_of(models_dir(settings) / "toy") / REVISION
    staging.mkdir(parents=True)
    # as after a power failure: full length, and zeros
    (staging / "model.bin.part").write_bytes(bytes(700_000))
    folder, refused = pulled(settings)
    assert is_whole(folder)
    assert refused == []
