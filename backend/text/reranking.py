"""A second look at the best hits, with what the sparse index cannot see. Pure.

BM25 sums up words; whether one passage has all of them, and next to each other, it does not say.
And a book's own questions and outlines repeat a reader's words without answering.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from backend.domain import Hit
from backend.text.evidence import Asked, prepare

LOOKED_AT = 12
COVERAGE = 0.4
PHRASES = 0.2
OUTLINE_SHARE = 0.8
"""What is left of the score of a passage that only asks, or only says what will be treated."""

FULL = 1 + COVERAGE + PHRASES
REST = OUTLINE_SHARE / FULL
"""What is left of the score of a hit that is not looked at."""

_OUTLINE = re.compile(
    r"\b(?:review|discussion|check|practice) questions?\b|\bquiz|\bexercises?\b|\bfurther reading\b"
    r"|\blearning (?:objectives|outcomes|goals)\b|\bprerequisites\b"
    r"|\btable of contents\b|\bsee also\b|\bwhat you will learn\b"
)
_OUTLINE_HEADING = re.compile(rf"{_OUTLINE.pattern}|^\W*references\W*$")  # not mutable ones
_QUESTION = re.compile(r"\?\s*$", re.MULTILINE)


def rerank(hits: Sequence[Hit], words: Asked, question: str) -> list[Hit]:
    """The hits, the first dozen in a new order; scores stay within 0..1.

    Args:
        hits: Best first.
        words: The question's words, weighed.
        question: A question about the exercises is answered by the exercises.
    """
    if not words.words:
        return list(hits)
    asks_outline = bool(_OUTLINE.search(question.lower()))
    scored = []
    for hit in hits[:LOOKED_AT]:
        text = prepare((" > ".join(hit.chunk.heading_path[-2:]), hit.chunk.text))
        score = hit.score + COVERAGE * words.coverage(text) + PHRASES * words.phrases(text)
        if not asks_outline and is_outline(hit):
            score *= OUTLINE_SHARE
        scored.append(_rescored(hit, score / FULL))
    rest = [_rescored(hit, hit.score * OUTLINE_SHARE / FULL) for hit in hits[LOOKED_AT:]]
    return [*sorted(scored, key=lambda hit: -hit.score), *rest]


def _rescored(hit: Hit, score: float) -> Hit:
    # dataclasses.replace takes more than twice as long, and this runs for every candidate
    return Hit(hit.chunk, score, hit.dense_score, hit.sparse_score)


def is_outline(hit: Hit) -> bool:
    """Whether the hit only asks, or only says what is treated elsewhere."""
    heading = hit.chunk.heading_path[-1:]
    if heading and _announces(heading[0]):
        return True
    asking = len(_QUESTION.findall(hit.chunk.text))
    return asking > 1 and 2 * asking >= len(hit.chunk.text.split("\n")) - 2


@lru_cache(maxsize=4096)
def _announces(heading: str) -> bool:
    return _OUTLINE_HEADING.search(heading.lower()) is not None
