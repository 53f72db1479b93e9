"""What is still to be set up, as the empty chat says it. Pure.

Whoever opens a new Space sees the chat first; what is missing must not wait behind a tab.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ui.markup import plural, sentence, text

Row = Mapping[str, Any]

SHOWN = 4
ON_SPACE = (
    "They are set in the Space's settings, under Variables and secrets; it restarts by itself."
)
ELSEWHERE = "Variables are set in the service's environment, which it reads when it starts."
_BAD = ("down", "degraded")


def where_to_set(*, on_space: bool) -> str:
    """A sentence on where variables are set."""
    return ON_SPACE if on_space else ELSEWHERE


def setup_html(report: Row, *, on_space: bool) -> str:
    """The list, the gravest first; empty where nothing is left to be done.

    Args:
        report: As ``GET /health/config`` answers it.
        on_space: Whether this is a Space.
    """
    rows = list(_rows(report))
    if not rows:
        return ""
    broken = any(status == "down" for status, _, _ in rows)
    title = "Something needs your attention" if broken else "Still to be set up"
    items = "".join(
        f'<li class="ba-is-{status}"><b>{name}</b> <span>{words}</span></li>'
        for status, name, words in rows[:SHOWN]
    )
    more = len(rows) - SHOWN
    left = f"<li>and {plural(more, 'more thing')}</li>" if more > 0 else ""
    return (
        f'<div class="ba-setup"><h3>{title}</h3><ul class="ba-setup-list">{items}{left}</ul>'
        f"<p>{sentence(where_to_set(on_space=on_space))} "
        '<a href="?tab=diagnostics">How to set each</a></p></div>'
    )


def _rows(report: Row) -> Iterator[tuple[str, str, str]]:
    """Status, name and what it means; no key for answers counts too, though all works without."""
    variables: Sequence[Row] = report.get("variables", ())
    named = [(row, f"<code>{text(row['name'])}</code>") for row in variables]
    parts = [(row, text(row.get("title") or row["name"])) for row in report.get("upstreams", ())]
    for status in _BAD:
        for row, name in (*named, *parts):
            if row["status"] == status:
                yield status, name, sentence(row.get("problem") or "")
    for row, name in named:
        if row["name"] == "OPENAI_API_KEY" and row["status"] == "off":
            yield "off", name, sentence(row.get("problem") or "")
