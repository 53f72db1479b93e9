"""Questions that compare: what with what, and passages of each side among the first. Pure.

The passages that have most of such a question's words are often all about one side of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from backend.domain import Hit
from backend.text.evidence import Asked, asked, prepare
from backend.text.reranking import is_outline

FIRST = 5
"""Among so many hits two sides have their best one, the last of them if need be."""
MOST_MOVED = 2
HEADING = 0.3
"""What it counts that the heading names the side: there it is introduced."""
MOST_SIDES = 3
MOST_WORDS = 6
LONGEST_QUESTION = 200

_AND = re.compile(r"\s*,\s*(?:and|or)\s+|\s*,\s*|\s+(?:and|or|&)\s+", re.IGNORECASE)
_WITH = re.compile(
    r"\s*,\s*(?:and\s+)?|\s+(?:and|with|to|against|vs\.?|versus|&)\s+", re.IGNORECASE
)
_LISTS = tuple(
    (re.compile(pattern, re.IGNORECASE), between)
    for pattern, between in (
        (r"\b(?:differences?|distinction|comparison|contrast)\s+between\s+(.+)", _AND),
        (r"^(?:please\s+|can you\s+)?(?:compare|contrast)\s+(.+)", _WITH),
        (r"\bcomparison of\s+(.+)", _WITH),
        (r"^how (?:do|does|are|is)\s+(.+?)\s+(?:differ|different)$", _AND),
    )
)
_PAIRS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^(.+?)\s+(?:vs\.?|versus)\s+(.+)$",
        r"^(.+?),?\s+compared (?:to|with)\s+(.+)$",
        r"^(?:how|why) (?:do|does|is|are)\s+(.+?)\s+differ(?:ent)?\s+from\s+(.+)$",
        r"^what makes\s+(.+?)\s+different\s+from\s+(.+)$",
        r"^(.+?)\s+or\s+(.+?)\s*[,:;?]\s*(?:what(?:'s|’s| is) the difference|which one)\b",
    )
)
_ENDS = " \t\n.,:;?!\"'()"
_LEAD = re.compile(
    r"^(?:(?:what(?:'s|’s| is| are)|explain|describe|show|a|an|the|both|using|use of)\s+)+",
    re.IGNORECASE,
)


def compared(question: str) -> tuple[str, ...]:
    """What the question compares, in its own words; () where it compares nothing."""
    line = " ".join(question.split())
    if len(line) > LONGEST_QUESTION:
        return ()
    sides = [_LEAD.sub("", side.strip(_ENDS)).strip(_ENDS) for side in _split(line)]
    sides = list(dict.fromkeys(side for side in sides if side))
    if not 2 <= len(sides) <= MOST_SIDES:
        return ()
    if any(len(side.split()) > MOST_WORDS or not asked(side).words for side in sides):
        return ()
    return tuple(sides)


def about(side: str, hits: Sequence[Hit]) -> list[Hit]:
    """Of the hits for one side the one that is most about it; none of none."""
    words = asked(side)

    def fits(hit: Hit) -> float:
        return hit.score + HEADING * words.coverage(prepare(hit.chunk.heading_path[-1:]))

    return sorted(hits, key=fits, reverse=True)[:1]


def both_sides(hits: Sequence[Hit], sides: Sequence[str], best: Sequence[Hit]) -> list[Hit]:
    """The hits with the best ones of the sides among the first.

    The very first stays first. Places are given up by outlines before others, and last by those
    that have all sides, which may be what compares them.
    """
    head, words = hits[:FIRST], [asked(side) for side in sides]
    missing = [hit for hit in best if not any(_holds(seen, hit) for seen in head)]
    moved = missing[: max(0, min(MOST_MOVED, len(head) - 1))]
    if not moved:
        return list(hits)
    worst = sorted(head[:0:-1], key=lambda hit: (not is_outline(hit), _has_all(hit, words)))
    given_up = worst[: len(moved)]
    placed = [Hit(hit.chunk, head[0].score, hit.dense_score, hit.sparse_score) for hit in moved]
    kept = [hit for hit in head[1:] if hit not in given_up]
    ids = {hit.chunk.id for hit in moved}
    rest = [hit for hit in hits if hit in given_up or hit not in head]
    return [head[0], *placed, *kept, *(hit for hit in rest if hit.chunk.id not in ids)]


def _has_all(hit: Hit, sides: Sequence[Asked]) -> bool:
    text = prepare((" > ".join(hit.chunk.heading_path[-2:]), hit.chunk.text))
    return all(words.coverage(text) > 0.99 for words in sides)


def _split(line: str) -> Sequence[str]:
    bare = line.rstrip(_ENDS)
    for pattern, between in _LISTS:
        if match := pattern.search(bare):
            return between.split(match[1])
    for pattern in _PAIRS:
        if match := pattern.search(bare):
            return match.groups()
    return ()


def _holds(seen: Hit, hit: Hit) -> bool:
    return seen.chunk.source == hit.chunk.source and hit.chunk.text in seen.chunk.window
