"""How much of a conversation the next answer sees."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain import Turn

TOKENS = 1_500
"""For all earlier turns together: about two long answers, or the passages' own size."""
TURN_TOKENS = 500
"""For each of them, so that one long answer does not push the questions out."""
BYTES_PER_TOKEN = 4
"""Measured in UTF-8, because scripts of two or three bytes a letter also have more tokens."""
_CUT = " …"


def fitting(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The newest turns within the budget, beginning with a question, each cut to its share."""
    kept: list[Turn] = []
    left = TOKENS * BYTES_PER_TOKEN
    for turn in reversed(turns):
        shortened = _shortened(turn)
        left -= len(shortened.content.encode())
        if left < 0:
            break
        kept.append(shortened)
    while kept and kept[-1].role != "user":
        kept.pop()
    return tuple(reversed(kept))


def _shortened(turn: Turn) -> Turn:
    limit = TURN_TOKENS * BYTES_PER_TOKEN
    content = turn.content.encode()
    if len(content) <= limit:
        return turn
    return Turn(turn.role, content[:limit].decode("utf-8", "ignore").rstrip() + _CUT)
