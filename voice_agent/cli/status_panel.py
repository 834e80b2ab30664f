"""What a person sees when everything runs: addresses, engines, and why these."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from voice_agent.cli.services import ServiceName

Infos = Mapping[ServiceName, tuple[str, dict[str, Any] | str]]
"""By service: its address, and ``/v1/info`` if it is ready, else why not, or nothing."""


def show(infos: Infos, console: Console | None = None) -> None:
    """Prints the panel on stdout; without a terminal, the same lines without a frame."""
    console = console or Console(highlight=False)
    text = Text("\n").join(Text.from_markup(line) for line in lines(infos))
    if console.is_terminal:
        console.print(Panel(text, title="voice-agent", border_style="green", expand=False))
    else:
        console.print(text, soft_wrap=True)


def lines(infos: Infos) -> list[str]:
    """The panel's lines, in rich's markup."""
    shown = [_service_line(service, *what) for service, what in infos.items()]
    shown.append("")
    for info in _engines(infos):
        shown.append(f"[bold]{info['name']}[/] ({escape(info['model'])}): {escape(info['why'])}")
        if info["hint"]:
            shown.append(f"  better: {escape(info['hint'])}")
    page, info = infos.get(ServiceName.AGENT, ("", ""))
    if not isinstance(info, str):
        page = page.replace("127.0.0.1", "localhost")
        shown += ["", f"Talk to it: [bold green]{page}[/]   (Ctrl-C stops everything)"]
    return shown


def _service_line(service: ServiceName, url: str, info: dict[str, Any] | str) -> str:
    if isinstance(info, str):
        why = f": {escape(info)}" if info else ""
        return f"[bold]{service:<6}[/] {url}  [red]is not ready[/]{why}"
    roles = ", ".join(
        f"{role.replace('_', ' ')}: {engine['name']}" for role, engine in info["engines"].items()
    )
    return f"[bold]{service:<6}[/] {url}  {roles}"


def _engines(infos: Infos) -> Iterable[dict[str, Any]]:
    """The engines that have something to say, each once."""
    found: dict[str, dict[str, Any]] = {}
    for _, info in infos.values():
        if isinstance(info, str):
            continue
        for engine in info["engines"].values():
            if engine["why"] or engine["hint"]:
                found[f"{engine['name']} {engine['model']}"] = engine
    return found.values()
