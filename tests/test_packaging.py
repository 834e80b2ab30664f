"""What a checkout promises about its packages and its lock files."""

import re
import tomllib
from importlib import resources
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PACKAGES = ("bots", "pipelines", "processors", "transports", "voice_agent")
LOCKS = ("requirements.lock", "requirements-dev.lock")
LOCKED_EXTRAS = ("talk", "twilio", "webrtc", "whisper", "dev")

PINNED = re.compile(r"^([a-z0-9-]+)==([^ ]+)", re.MULTILINE)


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked() -> dict[str, Version]:
    text = "".join((ROOT / name).read_text() for name in LOCKS)
    return {name: Version(version) for name, version in PINNED.findall(text)}


def direct_requirements() -> list[Requirement]:
    table = project()["project"]
    assert isinstance(table, dict)
    extras = table["optional-dependencies"]
    lines = [*table["dependencies"], *(line for name in LOCKED_EXTRAS for line in extras[name])]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_claims_our_import_names(package: str) -> None:
    # Two distributions with one import name overwrite each other's files.
    owners = {canonicalize_name(name) for name in packages_distributions().get(package, ())}
    assert owners <= {"voice-agent"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_typed(package: str) -> None:
    assert resources.files(package).joinpath("py.typed").is_file()


def test_registries_refuse_an_upload() -> None:
    table = project()["project"]
    assert isinstance(table, dict)
    assert "Private :: Do Not Upload" in table["classifiers"]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"://| @ |--(index-url|extra-index-url|find-links)", text)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    blocks = re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]
    assert blocks
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block


def test_the_lock_files_serve_what_pyproject_asks_for() -> None:
    versions = locked()
    for requirement in direct_requirements():
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not locked: run make lock"
        assert version in requirement.specifier, f"{requirement}, but {version} is locked"


@pytest.mark.parametrize("prefix", ["nvidia-", "cuda-", "torch", "triton"])
def test_the_lock_files_hold_nothing_for_a_gpu(prefix: str) -> None:
    assert not [name for name in locked() if name.startswith(prefix)]
