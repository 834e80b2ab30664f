"""Sees that a folder holds a whole model before anything is made of it."""

import json
from pathlib import Path
from typing import Any

from voice_agent.errors import EngineUnavailable


def check_files(folder: Path) -> None:
    """Sees that nothing is missing; raises EngineUnavailable."""
    for name in ("model.bin", "config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            raise EngineUnavailable(f"{folder} holds no Whisper model: {name} is missing")


def check_tokenizer(folder: Path, tokenizer: Any) -> None:
    """Sees that the tokenizer is that of the weights: another one says other words."""
    path = folder / "vocabulary.json"
    if not path.is_file():
        return  # older conversions have a text file with other escapes
    vocabulary: list[str] = json.loads(path.read_text())
    if not vocabulary:
        raise EngineUnavailable(f"vocabulary.json in {folder} is empty")
    for token in ("<|startoftranscript|>", "<|notimestamps|>", vocabulary[len(vocabulary) // 3]):
        index = tokenizer.token_to_id(token)
        if index is None or index >= len(vocabulary) or vocabulary[index] != token:
            raise EngineUnavailable(
                f"tokenizer.json in {folder} belongs to another model: {token} differs"
            )
