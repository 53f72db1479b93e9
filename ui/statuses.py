"""Names of parts and the small coloured words that say how they are. Pure."""

from __future__ import annotations

from ui.markup import text

STATUSES = {
    "ok": "Fine",
    "off": "Off",
    "degraded": "Improve",
    "down": "Broken",
    "unchecked": "Not checked",
    "closed": "Closed",
    "half_open": "Trying",
    "open": "Open",
}
PARTS = {
    "openai": "Answers",
    "fallback": "Answers, second model",
    "embeddings": "Embeddings",
    "rerank": "Order of passages",
    "qdrant": "Vectors",
    "database": "Accounts, history",
    "docs": "Book",
}


def pill(status: str, words: str = "") -> str:
    """A status in a word, or in these words."""
    return f'<span class="ba-pill">{words or STATUSES.get(status, text(status))}</span>'
