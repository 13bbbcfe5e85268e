"""Lines of points in, an SVG out: numbers over a logarithmic axis, each line named at its end; for light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, log10

WIDTH, HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 200, 44, 36
_LABEL_HEIGHT = 15
_COLOURS = ("#3b7dd8", "#3b7dd8", "#d9742b", "#d9742b", "#2f9e63", "#2f9e63", "#888888")
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #57606a }
.title { font-size: 14px; font-weight: 600 }
.grid { stroke: #8884 }
path { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #adb5bd } }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """`points`: (x over 0, y), ascending."""

    name: str
    points: Sequence[tuple[float, float]]


def plot(title: str, lines: Sequence[Line]) -> str:
    """Every second line is dashed: it is the first one's companion, of its colour."""
    places = [x for drawn in lines for x, _ in drawn.points]
    low, high = log10(min(places)), log10(max(places))
    top = _round(max(y for drawn in lines for _, y in drawn.points))

    def across(x: float) -> float:
        return _LEFT + (log10(x) - low) / ((high - low) or 1) * (WIDTH - _LEFT - _RIGHT)

    def down(y: float) -> float:
        return HEIGHT - _BOTTOM - y / top * (HEIGHT - _TOP - _BOTTOM)

    parts = [f'<text class="title" x="{_LEFT}" y="22">{escape(title)}</text>']
    for step in range(6):
        y = top * step / 5
        parts.append(f'<path class="grid" d="M{_LEFT} {down(y):.1f}H{WIDTH - _RIGHT}" stroke-width="1"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{down(y) + 4:.1f}" text-anchor="end">{y:g}</text>')
    parts += [
        f'<text x="{across(x):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{x:,.0f}</text>' for x in sorted(set(places))
    ]
    labels = dict(_apart([(down(drawn.points[-1][1]), number) for number, drawn in enumerate(lines)]))
    for number, drawn in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        way = "L".join(f"{across(x):.1f} {down(y):.1f}" for x, y in drawn.points)
        dashes = ' stroke-dasharray="5 4"' if number % 2 else ""
        parts.append(f'<path d="M{way}" stroke="{colour}"{dashes}/>')
        parts.append(
            f'<text x="{WIDTH - _RIGHT + 10}" y="{labels[number] + 4:.1f}" style="fill:{colour}">'
            f"{escape(drawn.name)}</text>"
        )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
    return "\n".join((head, f"<style>{_STYLE}</style>", *parts, "</svg>", ""))


def _round(top: float) -> float:
    """At least `top`, a number of which a fifth is a round one."""
    unit = 10 ** (ceil(log10(top)) - 1)
    return next(unit * step for step in (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10) if unit * step >= top)


def _apart(wanted: list[tuple[float, int]]) -> Iterator[tuple[int, float]]:
    """Places of labels, from the top down, none on another."""
    free = 0.0
    for place, number in sorted(wanted):
        free = max(place, free)
        yield number, free
        free += _LABEL_HEIGHT
