"""The passage behind a citation, its quote marked where it stands. Pure."""

from __future__ import annotations

from html import escape

from backend.domain import Citation, Trace
from backend.text.sanitize import strip_controls

MAX_QUOTE_CHARS = 1_200
AROUND_CHARS = 700
"""Characters of the passage that are shown on either side of the quote."""
_GAP = "…"


def passage_html(citation: Citation, trace: Trace | None) -> str:
    """The quote between ``<mark>`` inside its passage, or alone where the passage is not known.

    Newlines become ``&#10;``: a blank line would end the HTML block inside Markdown.
    """
    quote = _shortened(citation.quote.strip())
    window = _window_of(citation, trace)
    before, found, after = window.partition(citation.quote.strip()) if window else ("", "", "")
    if not found:
        before = after = ""
    return f"{_verbatim(_tail(before))}<mark>{_verbatim(quote)}</mark>{_verbatim(_head(after))}"


def _window_of(citation: Citation, trace: Trace | None) -> str:
    hits = (*trace.candidates, *trace.dropped) if trace else ()
    quote = citation.quote.strip()
    windows = (
        hit.chunk.window
        for hit in hits
        if hit.chunk.source == citation.source and quote in hit.chunk.window
    )
    return next(windows, "")


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_QUOTE_CHARS else f"{text[:MAX_QUOTE_CHARS].rstrip()} {_GAP}"


def _tail(text: str) -> str:
    return text if len(text) <= AROUND_CHARS else f"{_GAP} {text[-AROUND_CHARS:].lstrip()}"


def _head(text: str) -> str:
    return text if len(text) <= AROUND_CHARS else f"{text[:AROUND_CHARS].rstrip()} {_GAP}"


def _verbatim(text: str) -> str:
    return escape(strip_controls(text)).replace("\n", "&#10;")
