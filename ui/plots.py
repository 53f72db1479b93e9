"""Bars and lines over days as inline SVG. Pure; no script draws anything."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from ui.markup import text

WIDTH, HEIGHT = 520, 190
_LEFT, _BOTTOM, _TOP = 60, 22, 8
_GAP = 0.25
_LINES = 4
_LABELS = 6

Show = Callable[[float], str]
"""A number of an axis in words."""


@dataclass(frozen=True, slots=True)
class Series:
    """One colour; ``values`` are one per day, None where nothing was measured."""

    name: str
    values: Sequence[float | None]


def count(value: float) -> str:
    """A number of things, short enough for an axis."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1_000:g}k" if value >= 1_000 else f"{value:g}"


def bars(title: str, days: Sequence[str], series: Sequence[Series], *, show: Show = count) -> str:
    """Stacked bars per day, with a sentence for those who do not see them.

    Args:
        title: What is counted.
        days: Labels, oldest first.
        series: Up to three, from the ground up.
        show: Writes the numbers of the axis.
    """
    stacks = [[each.values[day] or 0.0 for each in series] for day in range(len(days))]
    plot = _Plot(days, max(map(sum, stacks), default=0), show, whole=show is count)
    marks = "".join(
        plot.bar(day, number, sum(stack[:number]), value)
        for day, stack in enumerate(stacks)
        for number, value in enumerate(stack)
    )
    said = "; ".join(f"{each.name} {show(sum(filter(None, each.values)))}" for each in series)
    return plot.figure(title, f"{title} per day: {said} in all", marks, series)


def lines(title: str, days: Sequence[str], series: Sequence[Series], *, show: Show) -> str:
    """A line per series with a gap where nothing was measured; arguments as for :func:`bars`."""
    known = [value for each in series for value in each.values if value is not None]
    plot = _Plot(days, max(known, default=0), show, whole=False)
    marks = "".join(plot.line(number, each.values) for number, each in enumerate(series))
    said = "; ".join(
        f"{each.name} at most {show(max(filter(None, each.values), default=0))}" for each in series
    )
    return plot.figure(title, f"{title} per day: {said}", marks, series)


class _Plot:
    """Where things stand on the drawing."""

    def __init__(self, days: Sequence[str], top: float, show: Show, *, whole: bool) -> None:
        self._days = days
        self._step = (WIDTH - _LEFT) / max(len(days), 1)
        self._top = _round_up(top, whole=whole)
        self._show = show

    def figure(self, title: str, label: str, marks: str, series: Sequence[Series]) -> str:
        grid = "".join(self._grid(self._top * i / _LINES) for i in range(_LINES + 1))
        keys = "".join(
            f'<li><i class="ba-s{number}"></i>{text(each.name)}</li>'
            for number, each in enumerate(series, 1)
        )
        legend = f'<ul class="ba-keys">{keys}</ul>' if len(series) > 1 else ""
        return (
            f'<figure class="ba-plot"><figcaption>{text(title)}</figcaption>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text(label)}">'
            f"{grid}{marks}{self._labels()}</svg>{legend}</figure>"
        )

    def bar(self, day: int, number: int, base: float, value: float) -> str:
        if not value:
            return ""
        y, height = self._y(base + value), self._y(base) - self._y(base + value)
        x = _LEFT + self._step * (day + _GAP / 2)
        width = self._step * (1 - _GAP)
        return (
            f'<rect class="ba-s{number + 1}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" rx="1.5"/>'
        )

    def line(self, number: int, values: Sequence[float | None]) -> str:
        runs = groupby(enumerate(values), lambda point: point[1] is not None)
        return "".join(
            self._run(number, [(self._middle(day), self._y(value or 0.0)) for day, value in run])
            for there, run in runs
            if there
        )

    @staticmethod
    def _run(number: int, points: Sequence[tuple[float, float]]) -> str:
        """Days that follow one another: a line, and a dot where one stands alone."""
        if len(points) == 1:
            x, y = points[0]
            return f'<circle class="ba-s{number + 1}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        return f'<polyline class="ba-l{number + 1}" points="{path}"/>'

    def _y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * value / self._top

    def _middle(self, day: int) -> float:
        return _LEFT + self._step * (day + 0.5)

    def _grid(self, value: float) -> str:
        y = self._y(value)
        return (
            f'<line class="ba-grid" x1="{_LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{text(self._show(value))}</text>"
        )

    def _labels(self) -> str:
        """Days below the drawing, the last one always; a phone shows every other."""
        last = len(self._days) - 1
        every = max(1, math.ceil(len(self._days) / _LABELS))
        shown = [day for day in range(len(self._days)) if (last - day) % every == 0]
        return "".join(
            f'<text class="{"ba-wide" if (last - day) // every % 2 else ""}" '
            f'x="{min(self._middle(day), WIDTH - 18):.1f}" y="{HEIGHT - 5}" '
            f'text-anchor="middle">{text(self._days[day])}</text>'
            for day in shown
        )


def _round_up(value: float, *, whole: bool) -> float:
    """The next number whose share per line of the grid is a round one, and whole where asked."""
    share = max(1.0, value / _LINES) if whole else value / _LINES or 1.0
    scale: float = 10.0 ** math.floor(math.log10(share))
    steps = (scale * step for step in (1, 2, 2.5, 3, 5, 10) if not whole or scale * step % 1 == 0)
    return _LINES * next(step for step in steps if step >= share * (1 - 1e-9))
