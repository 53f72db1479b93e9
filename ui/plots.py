"""Bars over days as inline SVG. Pure; no script draws anything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ui.markup import text

WIDTH, HEIGHT = 520, 190
_LEFT, _BOTTOM, _TOP = 40, 22, 8
_GAP = 0.25
_LINES = 4
_LABELS = 6


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of the bars; ``values`` are one per day."""

    name: str
    values: Sequence[float]


def bars(title: str, days: Sequence[str], series: Sequence[Series], *, unit: str = "") -> str:
    """Stacked bars per day, with a sentence for those who do not see them.

    Args:
        title: What is counted.
        days: Labels, oldest first.
        series: Up to three, from the ground up.
        unit: Stands behind the numbers of the axis.
    """
    totals = [sum(each.values[i] for each in series) for i in range(len(days))]
    top = _round_up(max(totals, default=0))
    plot = _Plot(len(days), top)
    grid = "".join(plot.line(top * i / _LINES, unit) for i in range(_LINES + 1))
    marks = "".join(
        plot.bar(day, number, [each.values[day] for each in series[:number]], each.values[day])
        for day in range(len(days))
        for number, each in enumerate(series)
    )
    keys = "".join(
        f'<li><i class="ba-s{number}"></i>{text(each.name)}</li>'
        for number, each in enumerate(series, 1)
    )
    legend = f'<ul class="ba-keys">{keys}</ul>' if len(series) > 1 else ""
    said = "; ".join(f"{each.name} {sum(each.values):,.0f}" for each in series)
    label = f"{title} per day: {said}{' ' + unit if unit else ''} in all"
    return (
        f'<figure class="ba-plot"><figcaption>{text(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text(label)}">{grid}{marks}'
        f"{plot.labels(days)}</svg>{legend}</figure>"
    )


class _Plot:
    """Where things stand on the drawing."""

    def __init__(self, days: int, top: float) -> None:
        self._step = (WIDTH - _LEFT) / max(days, 1)
        self._top = top

    def _y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * value / self._top

    def line(self, value: float, unit: str) -> str:
        y = self._y(value)
        return (
            f'<line class="ba-grid" x1="{_LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(value)}{unit}</text>'
        )

    def bar(self, day: int, number: int, below: Sequence[float], value: float) -> str:
        if not value:
            return ""
        base = sum(below)
        y, height = self._y(base + value), self._y(base) - self._y(base + value)
        x = _LEFT + self._step * (day + _GAP / 2)
        width = self._step * (1 - _GAP)
        return (
            f'<rect class="ba-s{number + 1}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" rx="1.5"/>'
        )

    def labels(self, days: Sequence[str]) -> str:
        every = max(1, math.ceil(len(days) / _LABELS))
        return "".join(
            f'<text x="{_LEFT + self._step * (i + 0.5):.1f}" y="{HEIGHT - 5}" '
            f'text-anchor="middle">{text(day)}</text>'
            for i, day in enumerate(days)
            if i % every == 0
        )


def _round_up(value: float) -> float:
    """The next number whose share per line of the grid is a whole and round one."""
    share = max(1.0, value / _LINES)
    scale: float = 10.0 ** math.floor(math.log10(share))
    steps = (scale * step for step in (1, 2, 3, 5, 10))
    return _LINES * next(step for step in steps if step >= share)


def _short(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1_000:g}k" if value >= 1_000 else f"{value:g}"
