"""How likely it is that the book treats a question: 0..1. Pure.

Two signals, each enough by itself: the share of the question's terms that the best passages hold
(the best one alone, and the best three together), and the cosine of the best dense hit, which
carries questions in another language or other words.
"""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain import Hit
from backend.text.sparse import coverage, query_terms

TOP = 3
COSINE_FLOOR = 0.25
COSINE_FULL = 0.75
"""Cosines of current embedding models between unrelated and clearly related texts."""


def confidence(texts: Sequence[str], hits: Sequence[Hit]) -> float:
    """Confidence that ``hits`` (best first) treat the question ``texts[0]``.

    Further texts (the selected passage) count where the question alone has no terms.
    """
    if not hits:
        return 0.0
    asked = next((text for text in texts if query_terms(text)), "")
    lexical = _coverage(asked, hits[:TOP])
    cosine = max((hit.dense_score or 0.0 for hit in hits[:TOP]), default=0.0)
    semantic = (cosine - COSINE_FLOOR) / (COSINE_FULL - COSINE_FLOOR)
    return max(0.0, min(1.0, max(lexical, semantic)))


def _coverage(asked: str, hits: Sequence[Hit]) -> float:
    passages = [f"{' '.join(hit.chunk.heading_path)}\n{hit.chunk.window}" for hit in hits]
    best = max(coverage(asked, passage) for passage in passages)
    return 0.6 * best + 0.4 * coverage(asked, "\n".join(passages))
