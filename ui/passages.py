"""The passage behind a citation, its quote marked where it stands. Pure."""

from __future__ import annotations

import re
from html import escape

from backend.domain import Citation, Trace
from backend.text.sanitize import strip_controls

MAX_QUOTE_CHARS = 1_200
AROUND_CHARS = 700
"""Characters of the passage that are shown on either side of the quote."""
_GAP = "…"
_FENCE = re.compile(r" {0,3}(?:`{3,}[^`]*|~{3,}.*)")
_HEADING = re.compile(r" {0,3}#{1,6} +(.*?)(?: +#+)? *")
_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_LINK = re.compile(r"!?\[([^\[\]]+)\]\([^()]*(?:\([^()]*\)[^()]*)?\)")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")


def passage_html(citation: Citation, trace: Trace | None) -> str:
    """The quote between ``<mark>`` inside its passage, or alone where the passage is not known.

    Newlines become ``&#10;``: a blank line would end the HTML block inside Markdown.
    """
    quote = _shortened(citation.quote.strip())
    window = _without_heading(_window_of(citation, trace), citation)
    before, found, after = window.partition(citation.quote.strip()) if window else ("", "", "")
    if not found:
        before = after = ""
    return f"{_read(_tail(before))}<mark>{_read(quote)}</mark>{_read(_head(after))}"


def _window_of(citation: Citation, trace: Trace | None) -> str:
    hits = (*trace.candidates, *trace.dropped) if trace else ()
    quote = citation.quote.strip()
    windows = (
        hit.chunk.window
        for hit in hits
        if hit.chunk.source == citation.source and quote in hit.chunk.window
    )
    return next(windows, "")


def _without_heading(window: str, citation: Citation) -> str:
    """The passage without its first line where that is the heading which stands above it."""
    first, _, rest = window.partition("\n")
    heading = _HEADING.fullmatch(first)
    named = heading and heading[1] in (citation.title, *citation.heading_path)
    return rest.lstrip("\n") if named and citation.quote.strip() in rest else window


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_QUOTE_CHARS else f"{text[:MAX_QUOTE_CHARS].rstrip()} {_GAP}"


def _tail(text: str) -> str:
    return text if len(text) <= AROUND_CHARS else f"{_GAP} {text[-AROUND_CHARS:].lstrip()}"


def _head(text: str) -> str:
    return text if len(text) <= AROUND_CHARS else f"{text[:AROUND_CHARS].rstrip()} {_GAP}"


def _read(text: str) -> str:
    """Markdown as a person reads it: no marks of headings, fences and links; nothing leads away."""
    shown: list[str] = []
    fenced = False
    for line in strip_controls(text).split("\n"):
        if _FENCE.fullmatch(line):
            fenced = not fenced
        elif fenced:
            shown.append(f"<code>{escape(line)}</code>" if line else "")
        elif heading := _HEADING.fullmatch(line):
            shown.append(f"<b>{_inline(heading[1])}</b>")
        else:
            shown.append(_inline(line))
    return "&#10;".join(shown)


def _inline(line: str) -> str:
    parts = _CODE.split(line)  # every other one is code
    return "".join(
        f"<code>{escape(part)}</code>" if at % 2 else _prose(part) for at, part in enumerate(parts)
    )


def _prose(text: str) -> str:
    return _STRONG.sub(r"<b>\1</b>", escape(_LINK.sub(r"\1", text)))
