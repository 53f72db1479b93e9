"""What of a question stands in a passage: words, phrases, names. Pure.

Looks for the words' stems at the beginnings of words, which costs a fraction of taking the passage
apart into terms: a search looks at some thirty passages within a millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from backend.text.tokens import Token, plain, tokens

MAX_ENDING = 7
SHORT_STEM = 4
MAX_SHORT_ENDING = 3
"""Letters that may follow a stem: ``convers`` stands in ``conversational``, ``life`` not in
``lifetime``."""
PHRASE_GAP = 16
"""Characters between two words that stand next to each other in the question."""

ROUNDING = 1e-9

KEPT_TEXTS = 1024
"""Prepared texts that are remembered, at about 2 kB each: a question looks at some twenty, and the
next one at many of the same."""

KEPT_STEMS = 256
"""Stems of which a text remembers whether it has them: readers of one book use the same words."""

_HUMP = re.compile(r"[A-Z](?<=[a-z][A-Z])")  # the capital first: that one can skip to


class Prepared(str):
    """A text in which words can be found, and what was found out about it."""

    __slots__ = ("known",)
    known: dict[str, bool]

    def holds(self, stem: str) -> bool:
        """Whether the stem begins a word of the text."""
        found = self.known.get(stem)
        if found is None:
            if len(self.known) >= KEPT_STEMS:
                self.known.clear()
            found = self.known[stem] = stem in self and _begins_a_word(self, stem)
        return found


Weigh = Callable[[Token], float]


class Word(NamedTuple):
    """A word of the question. ``parts`` are the stems that show it; a text may have some of them.

    Those of an identifier are its pieces: a text that has them all has most of what is meant.
    """

    token: Token
    parts: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a question in order, each once, with weights of at least 0."""

    words: tuple[Word, ...]
    total: float = field(init=False)
    """Sum of the weights."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", sum(word.weight for word in self.words))

    def coverage(self, text: Prepared) -> float:
        """Share of the question's weight that the prepared text has, 0..1."""
        if not self.total:
            return 0.0
        held = 0.0
        for _, parts, weight in self.words:
            part = parts[0]
            if len(parts) > 1:
                held += weight * _share(text, parts)
            elif text.holds(part):
                held += weight
        return held / self.total

    def held(self, text: Prepared) -> float:
        """How many of the question's words the prepared text has, whatever they weigh."""
        return sum([_share(text, parts) for _, parts, _ in self.words])

    def covered(self, text: Prepared, enough: float) -> bool:
        """Whether :meth:`coverage` is at least ``enough``, found out with the least looking."""
        if not self.total:
            return enough <= 0.0
        held, left = 0.0, self.total
        for _, parts, weight in self.words:
            held += weight * _share(text, parts)
            left -= weight
            if held / self.total >= enough:
                return True
            if (held + left) / self.total < enough - ROUNDING:
                return False
        return False

    def phrases(self, text: Prepared) -> float:
        """Share of the neighbouring words that the prepared text has next to each other too."""
        if len(self.words) < 2:
            return 0.0
        last = [word.parts[-1] for word in self.words]
        there = [part in text for part in last]
        adjoining = sum(
            there[at] and there[at + 1] and _adjoin(last[at], last[at + 1], text)
            for at in range(len(last) - 1)
        )
        return adjoining / (len(last) - 1)


def asked(question: str, weigh: Weigh = lambda token: 1.0) -> Asked:
    """The question's words, weighed."""
    found = dict.fromkeys(tokens(question, query=True))
    return Asked(tuple([Word(token, _parts(token), weigh(token)) for token in found]))


def prepare(parts: Iterable[str]) -> Prepared:
    """The parts as one text in which words can be found: folded and in lower case.

    A capital within a word is where a word of its own begins, as in ``createTimer``.
    """
    return _prepared("\n".join(parts))


@lru_cache(maxsize=KEPT_TEXTS)
def _prepared(text: str) -> Prepared:
    made = Prepared(_HUMP.sub(r"_\g<0>", plain(text)).casefold())
    made.known = {}
    return made


@lru_cache(maxsize=4096)
def _parts(token: Token) -> tuple[str, ...]:
    if token.alike:
        parts = tuple(map(_needle, token.terms, token.forms))
    else:
        parts = tuple(_needle(term, term) for term in token.terms[1:])
    return parts or (token.forms[0],)


def _needle(term: str, form: str) -> str:
    """What the forms of a word begin with: ``clos`` for ``closing``, whose stem is ``close``."""
    restored = term[:-1] == form[: len(term) - 1] and not form.startswith(term)
    altered = restored or term.endswith("i")
    return term[:-1] if len(term) > 3 and altered and term.isascii() else term


def _share(text: Prepared, parts: tuple[str, ...]) -> float:
    """How much of a word the text has, 0..1."""
    return sum(map(text.holds, parts)) / len(parts)


def _begins_a_word(text: str, needle: str) -> bool:
    """Whether the stem, which stands in the text, does so at the beginning of a word."""
    if not needle.isascii():
        return True
    at = text.find(needle)
    while not _is_word(needle, text, at):
        if (at := text.find(needle, at + 1)) < 0:
            return False
    return True


def _is_word(needle: str, text: str, at: int) -> bool:
    before = text[at - 1] if at else " "
    if before.isalnum() and not (before.isdigit() and needle[0].isalpha()):
        return False
    end = at + len(needle)
    if needle.isdigit():
        return not text[end : end + 1].isalnum()
    most = MAX_SHORT_ENDING if len(needle) <= SHORT_STEM else MAX_ENDING
    rest = text[end : end + most + 1]
    return len(rest) <= most or not rest.isalpha()


def _adjoin(first: str, second: str, text: str) -> bool:
    at, plain_first = text.find(first), first.isascii()
    while at >= 0:
        end = at + len(first)
        if text.find(second, end, end + PHRASE_GAP + len(second)) >= 0:
            if not plain_first or _is_word(first, text, at):
                return True
        at = text.find(first, at + 1)
    return False
