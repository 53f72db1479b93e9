"""Small pieces of HTML that several tabs share. Pure; every text is escaped."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from html import escape

from backend.text.sanitize import strip_controls

_CODE = re.compile(r"`([^`]+)`")


def text(value: object) -> str:
    """One line of text."""
    return escape(" ".join(strip_controls(str(value)).split()))


def sentence(value: object) -> str:
    """One line in which what stands between backticks is code."""
    return _CODE.sub(r"<code>\1</code>", text(value))


def verbatim(value: str) -> str:
    """Text with its lines; holds no newline, because a blank line ends HTML inside Markdown."""
    return escape(strip_controls(value)).replace("\n", "&#10;")


def duration(milliseconds: float) -> str:
    """Milliseconds in a form for people."""
    if milliseconds >= 1_000:
        return f"{milliseconds / 1_000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 1 else "under 1 ms"


def money(usd: float) -> str:
    """US dollars, with as many digits as tell something."""
    if usd >= 1 or not usd:
        return f"${usd:,.2f}"
    if usd < 0.0001:
        return "under $0.0001"
    return f"${usd:.{max(2, 1 - math.floor(math.log10(usd)))}f}"


def size(count: float) -> str:
    """Bytes in a form for people."""
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GB"


def moment(when: datetime) -> str:
    """A time in UTC to the minute."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def plural(count: int, one: str, many: str = "") -> str:
    """``1 chunk``, ``2 chunks``, ``1,204 chunks``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def act(value: str, label: str, *, kind: str = "", hint: str = "") -> str:
    """A button whose ``value`` the page's script hands to the tab's own handler."""
    title = f' title="{text(hint)}"' if hint else ""
    return (
        f'<button type="button" class="ba-act {kind}" value="{escape(value)}"{title}>'
        f"{text(label)}</button>"
    )


def note(words: str, *, kind: str = "") -> str:
    """A sentence that says what happened; ``kind`` is ``ba-good``, ``ba-bad`` or nothing."""
    role = "alert" if kind == "ba-bad" else "status"
    return f'<p class="ba-note {kind}" role="{role}">{sentence(words)}</p>'


def empty(title: str, words: str) -> str:
    """What stands where there is nothing yet."""
    return f'<div class="ba-empty"><b>{text(title)}</b><p>{sentence(words)}</p></div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, kind: str = "") -> str:
    """A table that turns into cards on a phone; cells are HTML, the first one names the row."""
    titles = "".join(f'<th scope="col">{text(title)}</th>' for title in head)
    body = "".join(f"<tr>{_cells(head, row)}</tr>" for row in rows)
    return (
        f'<table class="ba-table {kind}"><thead><tr>{titles}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _cells(head: Sequence[str], row: Sequence[str]) -> str:
    first, *others = row
    cells = "".join(
        f'<td data-label="{text(title)}">{cell}</td>'
        for title, cell in zip(head[1:], others, strict=True)
    )
    return f'<th scope="row">{first}</th>{cells}'
