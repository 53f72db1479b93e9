"""Heading -> anchor, exactly as github-slugger 2.0 does it, which is what Docusaurus uses.

github-slugger lower-cases the heading, drops every character that is not alphabetic, a mark, a
decimal digit, a letter number, a connector (``_``), a space or ``-`` in Unicode 13, and turns each
space into ``-``. Compared code point by code point with the package itself.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right

_KEPT_CATEGORIES = frozenset(
    ("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "Pc")  # fmt: skip
)

_ALPHABETIC_SYMBOLS = ((0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189))
"""Circled and squared letters: category So, but alphabetic."""

_NEWER_THAN_UNICODE_13 = (
    "0870-0887 0889-088e 0898-089f 08b5 08c8-08d2 0c3c 0c5d 0cdd 170d 1715 171f 180f 1ac1-1ace "
    "1b4c 1dfa 2c2f 2c5f 9ffd-9fff a7c0-a7c1 a7d0-a7d1 a7d3 a7d5-a7d9 a7f2-a7f4 10570-1057a "
    "1057c-1058a 1058c-10592 10594-10595 10597-105a1 105a3-105b1 105b3-105b9 105bb-105bc "
    "10780-10785 10787-107b0 107b2-107ba 10f70-10f85 11070-11075 110c2 11740-11746 11ab0-11abf "
    "12f90-12ff0 16a70-16abe 16ac0-16ac9 1aff0-1aff3 1aff5-1affb 1affd-1affe 1b11f-1b122 "
    "1cf00-1cf2d 1cf30-1cf46 1df00-1df1e 1e290-1e2ae 1e7e0-1e7e6 1e7e8-1e7eb 1e7ed-1e7ee "
    "1e7f0-1e7fe 2a6de-2a6df 2b735-2b738"
)
"""Letters and marks that Python 3.11 (Unicode 14) knows and github-slugger's table does not."""


def _ranges(text: str) -> list[tuple[int, int]]:
    pairs = (part.partition("-") for part in text.split())
    return [(int(low, 16), int(high or low, 16)) for low, _, high in pairs]


_REMOVED_RANGES = _ranges(_NEWER_THAN_UNICODE_13)
_REMOVED_STARTS = [low for low, _ in _REMOVED_RANGES]


def _is_kept(code: int) -> bool:
    if unicodedata.category(chr(code)) in _KEPT_CATEGORIES:
        at = bisect_right(_REMOVED_STARTS, code) - 1
        return at < 0 or code > _REMOVED_RANGES[at][1]
    return any(low <= code <= high for low, high in _ALPHABETIC_SYMBOLS)


class _Removals(dict[int, int | None]):
    """A table for ``str.translate`` that learns each code point the first time it is met."""

    def __missing__(self, code: int) -> int | None:
        self[code] = result = code if _is_kept(code) else None
        return result


_TABLE = _Removals({0x20: 0x2D, 0x2D: 0x2D})


def slug(heading: str) -> str:
    """The anchor of a heading's plain text, without regard to headings before it."""
    return heading.lower().translate(_TABLE)


class Slugger:
    """Anchors of one page: a heading that repeats gets ``-1``, ``-2`` and so on.

    A counter that would collide with a heading that is literally called ``foo-1`` goes on counting,
    as github-slugger's does.
    """

    def __init__(self) -> None:
        self._occurrences: dict[str, int] = {}

    def slug(self, heading: str) -> str:
        """The anchor of the next heading of the page, unique on it."""
        original = result = slug(heading)
        while result in self._occurrences:
            self._occurrences[original] += 1
            result = f"{original}-{self._occurrences[original]}"
        self._occurrences[result] = 0
        return result
