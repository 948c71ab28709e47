"""Line charts as SVG text: some series over steps, each told apart by its dashes as well as its colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, log10

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 28, 34
POINTS_MOST = 300
TICKS = 5

Points = Sequence[tuple[float, float]]  # x, y, in the order of x


def lines(title: str, series: Mapping[str, Points]) -> str:
    """Draw the series on one pair of axes; of many points every so-manieth is drawn, and always the last."""
    drawn = {name: _thinned(points) for name, points in series.items() if points}
    xs = [x for points in drawn.values() for x, _ in points]
    ys = [y for points in drawn.values() for _, y in points]
    if not xs:
        return ""
    steps = _ticks(min(*ys, 0.0), max(ys))
    scale = _Scale((min(xs), max(xs)), (steps[0], steps[-1]))
    parts = [
        f'<svg class="chart lines" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">',
        *(_tick(value, scale) for value in steps),
        *_ends(scale),
        *(_line(at, name, points, scale) for at, (name, points) in enumerate(drawn.items())),
        "</svg>",
    ]
    return "\n".join(parts)


class _Scale:
    """Where values lie on the paper."""

    def __init__(self, xs: tuple[float, float], ys: tuple[float, float]) -> None:
        self.xs, self._ys = xs, ys

    def x(self, value: float) -> float:
        first, last = self.xs
        return LEFT + (value - first) / ((last - first) or 1) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        least, most = self._ys
        return HEIGHT - BOTTOM - (value - least) / ((most - least) or 1) * (HEIGHT - TOP - BOTTOM)


def _thinned(points: Points) -> Points:
    every = -(-len(points) // POINTS_MOST)
    return [*points[::every], *([points[-1]] if (len(points) - 1) % every else [])]


def _ticks(least: float, most: float) -> list[float]:
    """Give round values that span the data: steps of 1, 2 or 5 times a power of ten."""
    rough = ((most - least) or abs(most) or 1) / TICKS
    power = 10 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = floor(least / step)
    count = 1
    while (first + count) * step < most * (1 - 1e-9):
        count += 1
    return [round((first + at) * step, 10) for at in range(count + 1)]


def _tick(value: float, scale: _Scale) -> str:
    y = scale.y(value)
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="label" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
    )


def _ends(scale: _Scale) -> list[str]:
    first, last = scale.xs
    y = HEIGHT - 12
    return [
        f'<text class="label" x="{LEFT}" y="{y}">step {first:g}</text>',
        f'<text class="label" x="{WIDTH - RIGHT}" y="{y}" text-anchor="end">step {last:g}</text>',
    ]


def _line(at: int, name: str, points: Points, scale: _Scale) -> str:
    places = " ".join(f"{scale.x(x):.1f},{scale.y(y):.1f}" for x, y in points)
    x, y = LEFT + at * 180, 14
    alone = f'<circle class="dot series-{at}" cx="{scale.x(points[0][0]):.1f}" cy="{scale.y(points[0][1]):.1f}" r="3"/>'
    return (
        f'<polyline class="line series-{at}" points="{places}"/>'
        f"{alone if len(points) == 1 else ''}"
        f'<line class="line series-{at}" x1="{x}" x2="{x + 26}" y1="{y - 4}" y2="{y - 4}"/>'
        f'<text x="{x + 32}" y="{y}">{escape(name.replace("_", " "))}</text>'
    )
