"""Words of a question that the book does not know -> the words that were probably meant. Pure.

A word is compared with the book's own dictionary only, so that a repair always leads somewhere.
Names are left alone: a product that the book does not mention is not a misspelling of another. So
are everyday words, which are spelt right: ``hard`` is not ``heard``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping

from backend.text.everyday import EVERYDAY
from backend.text.stopwords import STOPWORDS
from backend.text.tokens import stem

SHORTEST = 4
ONE_EDIT = 6
"""Letters from which on any one edit is forgiven; below, a letter may be missing, doubled or
swapped, but not be another: ``bread`` is not ``break``."""
TWO_EDITS = 9
"""Letters from which on two edits are forgiven."""

_WORD = re.compile(r"(?<!\d)[^\W\d_]+(?:'[^\W\d_]+)?(?!\d)")


class Dictionary:
    """The forms of a book, prepared for near matches.

    Args:
        forms: Lower-case form -> in how many chunks it stands.
        stem: Form -> term; a form that shares its term with a known one is no typo.
    """

    def __init__(self, forms: Mapping[str, int], stem: Callable[[str], str]) -> None:
        self._forms = forms
        self._stem = stem
        self._terms = {stem(form) for form in forms}
        self._buckets: defaultdict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
        for form in forms:
            if len(form) >= SHORTEST and form.isalpha():
                self._buckets[form[0], len(form)].append((_letters(form), form))

    def knows(self, form: str) -> bool:
        """Whether it is a stop word, or the book has the form or another one of the same word."""
        return form in STOPWORDS or form in self._forms or self._stem(form) in self._terms

    def nearest(self, form: str) -> str | None:
        """The form within reach that takes the fewest edits, the commonest of several."""
        reach = 2 if len(form) >= TWO_EDITS else 1
        letters = _letters(form)
        best: tuple[int, int, str] | None = None
        for first in {form[0], form[1]}:  # the second: where the first two were swapped
            for length in range(len(form) - reach, len(form) + reach + 1):
                # a letter more or less changes the set by one, another instead of it by two
                unlike = 2 * reach - abs(length - len(form))
                for mask, known in self._buckets.get((first, length), ()):
                    if (mask ^ letters).bit_count() > unlike or not _is_slip(form, known):
                        continue
                    edits = distance(form, known, reach)
                    if edits <= reach:
                        found = (edits, -self._forms[known], known)
                        best = min(best, found) if best else found
        return best[2] if best else None


def repair(question: str, dictionary: Dictionary) -> tuple[str, dict[str, str]]:
    """The question with its misspelt words replaced, and what was replaced by what.

    Looks at plain words without a capital, and at the parts of identifiers.
    """
    repairs: dict[str, str] = {}

    def replace(match: re.Match[str]) -> str:
        word = match.group()
        if len(word) < SHORTEST or word != word.lower() or not word.isascii():
            return word
        if dictionary.knows(word) or not word.isalpha() or stem(word) in EVERYDAY:
            return word
        meant = dictionary.nearest(word)
        if meant is None:
            return word
        repairs[word] = meant
        return meant

    return _WORD.sub(replace, question), repairs


def distance(left: str, right: str, limit: int) -> int:
    """Edits (insert, delete, substitute, swap of neighbours) between two words.

    Counts on to ``limit`` only; anything beyond is ``limit + 1``.
    """
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    left, right = _without_common_ends(left, right)
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        earlier, before, row = before, row, [i, *[0] * len(right)]
        for j, other in enumerate(right, 1):
            cost = before[j - 1] + (letter != other)
            row[j] = min(cost, before[j] + 1, row[j - 1] + 1)
            swapped = i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other
            if swapped:
                row[j] = min(row[j], earlier[j - 2] + 1)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)


def _without_common_ends(left: str, right: str) -> tuple[str, str]:
    start, most = 0, min(len(left), len(right))
    while start < most and left[start] == right[start]:
        start += 1
    end = 0
    while end < most - start and left[-1 - end] == right[-1 - end]:
        end += 1
    return left[start : len(left) - end], right[start : len(right) - end]


def _is_slip(typed: str, known: str) -> bool:
    """Whether typing ``known`` may have given ``typed``: the first letter is seldom wrong."""
    if typed[0] != known[0]:
        return typed[:2] == known[1::-1]
    return len(typed) >= ONE_EDIT or len(typed) != len(known) or sorted(typed) == sorted(known)


def _letters(word: str) -> int:
    """A set of the word's letters as bits: unlike letters show in one operation."""
    mask = 0
    for letter in word:
        mask |= 1 << (ord(letter) % 61)
    return mask
