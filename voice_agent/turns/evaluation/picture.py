"""The trade-off as a picture: latency to the right, false cut-offs upwards."""

from collections.abc import Mapping, Sequence

from voice_agent.turns.evaluation.tradeoff import Point, frontier

_WIDTH, _HEIGHT = 640, 400
_LEFT, _TOP, _RIGHT, _BOTTOM = 60, 24, 24, 52
_MOST_S, _MOST_CUT = 2.0, 0.6
_COLOURS = ("#0b6e4f", "#c05621", "#718096")
_FONT = 'font-family="sans-serif" font-size="12" fill="#2d3748"'


def picture(curves: Mapping[str, Sequence[Point]]) -> str:
    """An SVG with the frontier of each detector's policies; lower left is better."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        *_grid(),
    ]
    for index, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        path = " ".join(f"{_x(p.latency_s):.1f},{_y(p.cut_off):.1f}" for p in _shown(points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = _TOP + 14 + 18 * index
        parts += [
            f'<line x1="{_WIDTH - 210}" y1="{y - 4}" x2="{_WIDTH - 186}" y2="{y - 4}" '
            f'stroke="{colour}" stroke-width="2"/>',
            f'<text x="{_WIDTH - 180}" y="{y}" {_FONT}>{name}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _shown(points: Sequence[Point]) -> list[Point]:
    return [p for p in frontier(points) if p.latency_s <= _MOST_S and p.cut_off <= _MOST_CUT]


def _x(seconds: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * seconds / _MOST_S


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share / _MOST_CUT


def _grid() -> list[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts: list[str] = []
    for percent in range(0, 61, 10):
        y = _y(percent / 100)
        parts += [
            f'<line x1="{_LEFT}" y1="{y}" x2="{right}" y2="{y}" stroke="#e2e8f0"/>',
            f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end" {_FONT}>{percent} %</text>',
        ]
    for milliseconds in range(0, 2001, 500):
        x = _x(milliseconds / 1000)
        parts += [
            f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{bottom}" stroke="#e2e8f0"/>',
            f'<text x="{x}" y="{bottom + 18}" text-anchor="middle" {_FONT}>{milliseconds} ms'
            "</text>",
        ]
    middle = (_LEFT + right) / 2
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle" {_FONT}>'
        "mean latency after the end of a turn; upwards: false cut-offs</text>"
    )
    return parts
