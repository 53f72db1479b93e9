"""Bar charts as SVG that read in light and dark, without a library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

WIDTH, BAR, GAP, LEFT, RIGHT, TOP = 720, 22, 10, 210, 90, 54
COLOURS = ("#5b7fa6", "#c8793a", "#5c9468", "#9a6fa0")
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#30363d}.t{font-weight:600;font-size:15px}"
    ".n{fill:#59636e}@media(prefers-color-scheme:dark){text{fill:#d1d7e0}.n{fill:#9198a1}}"
)


def bars(
    path: Path, title: str, unit: str, rows: Sequence[tuple[str, float]], *, target: float = 0.0
) -> None:
    """One bar a row; a line where the target is, if there is one."""
    rows = [(name, value) for name, value in rows if value == value]  # NaN was not measured
    if not rows:
        return
    most = max([value for _, value in rows] + [target]) or 1.0
    scale = (WIDTH - LEFT - RIGHT) / most
    height = TOP + len(rows) * (BAR + GAP) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<text class="t" x="8" y="22">{escape(title)}</text>',
        f'<text class="n" x="8" y="42">{escape(unit)}</text>',
    ]
    for number, (name, value) in enumerate(rows):
        parts += _bar(number, name, value, scale)
    if target:
        x = LEFT + target * scale
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{height - 8}" stroke="#b3312c" '
            f'stroke-dasharray="4 3"/><text class="n" x="{x:.1f}" y="{TOP - 12}" '
            f'text-anchor="middle">target {target:g}</text>'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def _bar(number: int, name: str, value: float, scale: float) -> list[str]:
    y = TOP + number * (BAR + GAP)
    width = max(1.0, value * scale)
    middle = y + BAR / 2 + 5
    return [
        f'<text x="{LEFT - 10}" y="{middle}" text-anchor="end">{escape(name)}</text>',
        f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" '
        f'fill="{COLOURS[number % len(COLOURS)]}"/>',
        f'<text x="{LEFT + width + 8:.1f}" y="{middle}">{value:.3g}</text>',
    ]
