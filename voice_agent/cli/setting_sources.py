"""Every setting: its value, where it came from, what it means."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, SecretStr
from pydantic_settings import (
    DotEnvSettingsSource,
    EnvSettingsSource,
    TomlConfigSettingsSource,
)

from voice_agent.settings import Settings

_MASK = "********"
_MISSING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSource:
    """A setting.

    Attributes:
        name: As in a TOML file, with dots.
        variable: Its environment variable.
        value: As JSON has it; secrets are masked.
        source: `default`, `environment`, `.env`, or the settings file.
        about: What it means.
    """

    name: str
    variable: str
    value: Any
    source: str
    about: str


def origins(settings: Settings) -> list[SettingSource]:
    """All settings in the order of the tree.

    Args:
        settings: As `load_settings` made them.
    """
    sources: dict[str, Mapping[str, Any]] = {
        "environment": EnvSettingsSource(Settings)(),
        ".env": DotEnvSettingsSource(Settings)(),
    }
    if settings.config_file is not None:
        path = settings.config_file
        sources[str(path)] = TomlConfigSettingsSource(Settings, path)()
    return list(_walk(settings, (), sources))


def _walk(
    group: BaseModel, path: tuple[str, ...], sources: Mapping[str, Mapping[str, Any]]
) -> Iterator[SettingSource]:
    for field_name, field in type(group).model_fields.items():
        value = getattr(group, field_name)
        here = (*path, field.alias or field_name)
        if here == ("config_file",):
            continue
        if isinstance(value, BaseModel):
            yield from _walk(value, here, sources)
            continue
        found = (name for name, values in sources.items() if _has(values, here))
        yield SettingSource(
            name=".".join(here),
            variable="VOICE_AGENT_" + "__".join(here).upper(),
            value=_shown(value),
            source=next(found, "default"),
            about=(field.description or "").split("\n\n")[0].replace("\n", " "),
        )


def _has(values: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    found: Any = values
    for part in path:
        found = found.get(part, _MISSING) if isinstance(found, Mapping) else _MISSING  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if found is _MISSING:
            return False
    return True


def _shown(value: Any) -> Any:
    """As JSON has it; secrets are masked, also inside lists and objects."""
    match value:
        case SecretStr():
            return _MASK if value.get_secret_value() else ""
        case Path():
            return str(value)
        case BaseModel():
            return {name: _shown(getattr(value, name)) for name in type(value).model_fields}
        case dict():
            return {str(k): _shown(v) for k, v in cast(dict[Any, Any], value).items()}
        case list():
            return [_shown(each) for each in cast(list[Any], value)]
        case _:
            return value


def as_json(found: list[SettingSource]) -> str:
    """One object: by name, value and source."""
    return json.dumps(
        {
            origin.name: {
                "value": origin.value,
                "source": origin.source,
                "variable": origin.variable,
                "about": origin.about,
            }
            for origin in found
        },
        indent=2,
    )
