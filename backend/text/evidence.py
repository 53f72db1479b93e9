"""What of a question stands in a passage: words, phrases, names. Pure.

Looks for the words' stems at the beginnings of words, which costs a fraction of taking the passage
apart into terms: a search looks at some thirty passages within a millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from backend.text.tokens import Token, fold, tokens

MAX_ENDING = 7
SHORT_STEM = 4
MAX_SHORT_ENDING = 3
"""Letters that may follow a stem: ``convers`` stands in ``conversational``, ``life`` not in
``lifetime``."""
PHRASE_GAP = 16
"""Characters between two words that stand next to each other in the question."""

KEPT_TEXTS = 1024
"""Prepared texts that are remembered, at about 2 kB each: a question looks at some twenty, and the
next one at many of the same."""

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")

Weigh = Callable[[Token], float]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the question: any of ``needles`` in a text shows that the text has it.

    ``pieces`` are those of an identifier: a text that has them all has most of what is meant.
    """

    token: Token
    needles: tuple[str, ...]
    pieces: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a question in order, each once, with weights of at least 0."""

    words: tuple[Word, ...]

    @property
    def total(self) -> float:
        """Sum of the weights."""
        return sum(word.weight for word in self.words)

    def held(self, text: str) -> tuple[float, ...]:
        """For each word how far the prepared text has it, 0..1."""
        return tuple(_held(word, text) for word in self.words)

    def coverage(self, text: str) -> float:
        """Share of the question's weight that the prepared text has, 0..1."""
        total = self.total
        if not total:
            return 0.0
        return sum(w.weight * _held(w, text) for w in self.words) / total

    def phrases(self, text: str) -> float:
        """Share of the neighbouring words that the prepared text has next to each other too."""
        pairs = list(pairwise(self.words))
        if not pairs:
            return 0.0
        return sum(_adjoin(left, right, text) for left, right in pairs) / len(pairs)


def asked(question: str, weigh: Weigh = lambda token: 1.0) -> Asked:
    """The question's words, weighed."""
    found = dict.fromkeys(tokens(question, query=True))
    return Asked(tuple(_word(token, weigh(token)) for token in found))


def prepare(parts: Iterable[str]) -> str:
    """The parts as one text in which words can be found: folded and in lower case.

    A capital within a word is where a word of its own begins, as in ``createTimer``.
    """
    return _prepared("\n".join(parts))


@lru_cache(maxsize=KEPT_TEXTS)
def _prepared(text: str) -> str:
    return _HUMP.sub("_", fold(text)).casefold()


def _word(token: Token, weight: float) -> Word:
    if token.alike:
        return Word(token, tuple(map(_needle, token.terms)), (), weight)
    return Word(token, (token.forms[0],), tuple(map(_needle, token.terms[1:])), weight)


def _needle(term: str) -> str:
    return term[:-1] if len(term) > 3 and term.endswith("i") and term.isascii() else term


def _held(word: Word, text: str) -> float:
    if word.pieces:
        return sum(_find(piece, text) >= 0 for piece in word.pieces) / len(word.pieces)
    found = sum(_find(needle, text) >= 0 for needle in word.needles)
    return found / len(word.needles)


def _find(needle: str, text: str, start: int = 0) -> int:
    """Where the stem begins a word, from ``start`` on; -1 where it does not."""
    at = text.find(needle, start)
    plain = needle.isascii()
    while at >= 0 and plain and not _is_word(needle, text, at):
        at = text.find(needle, at + 1)
    return at


def _is_word(needle: str, text: str, at: int) -> bool:
    if at and text[at - 1].isalnum() and not (text[at - 1].isdigit() and needle[0].isalpha()):
        return False
    end = at + len(needle)
    if needle.isdigit():
        return not text[end : end + 1].isalnum()
    most = MAX_SHORT_ENDING if len(needle) <= SHORT_STEM else MAX_ENDING
    rest = text[end : end + most + 1]
    return len(rest) <= most or not rest.isalpha()


def _adjoin(left: Word, right: Word, text: str) -> bool:
    first, second = _short(left), _short(right)
    if second not in text:
        return False
    at = _find(first, text)
    while at >= 0:
        end = at + len(first)
        gap = text.find(second, end, end + PHRASE_GAP + len(second))
        if gap >= 0:
            return True
        at = _find(first, text, at + 1)
    return False


def _short(word: Word) -> str:
    return (word.pieces or word.needles)[-1]
