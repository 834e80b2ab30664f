"""Writes .env.example from the settings tree: ``python -m tools.env_example > .env.example``."""

import json
from collections.abc import Iterator

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from voice_agent.settings import Settings

_PREFIX = "VOICE_AGENT_"
# where the file is named on the command line, or cannot hold
_LEFT_OUT = {"config_file"}


def lines(model: type[BaseModel] = Settings, path: str = "") -> Iterator[str]:
    """Every setting as a comment line with its meaning and a commented-out default."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if name in _LEFT_OUT:
            continue
        label = (field.alias or name).upper()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield f"\n# {(kind.__doc__ or '').strip()}"
            yield from lines(kind, f"{path}{label}__")
        else:
            yield f"# {' '.join((field.description or '').split())}"
            yield f"#{_PREFIX}{path}{label}={_shown(name, field)}"


def _shown(name: str, field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr) or value is None:
        return ""
    if name == "data_dir":
        return "~/.local/share/voice-agent"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def text() -> str:
    """The whole file."""
    head = "# All settings with their defaults. Copy to .env and change what should differ.\n"
    return head + "\n".join(lines()) + "\n"


if __name__ == "__main__":
    print(text(), end="")
