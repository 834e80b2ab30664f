"""Command line of the builder; see the package."""

import argparse
from pathlib import Path

from benchmarks.random_whisper.checkpoint import DEFAULT_CACHE, SIZES, build


def main() -> None:
    """Builds one checkpoint and says how large it is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.random_whisper")
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--script", help="what the model says to any audio")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quantization", default="int8", choices=["int8", "int8_float16", "float16", "float32"]
    )
    parser.add_argument("--vocabulary", default="real", choices=["real", "small", "english"])
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="keeps the vocabulary")
    arguments = vars(parser.parse_args())
    folder = build(arguments.pop("size"), arguments.pop("folder"), **arguments)
    size_mb = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    print(f"{folder}: {size_mb:.0f} MB")


if __name__ == "__main__":
    main()
