"""What the words of the book weigh: how rare each is, and which words it does not know. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from heapq import nlargest

from backend.text.everyday import EVERYDAY, TURNS
from backend.text.stopwords import VAGUE
from backend.text.tokens import Token, stem
from backend.text.typos import Dictionary

MAX_FORMS = 150_000
"""Forms kept in memory, the commonest: about 30 MB. A rare form left out counts as unknown."""
SHORT = 4
VAGUE_SHARE = 0.3
"""Weight of a vague word against another one of the same rarity."""
TOPIC = 3.0
"""Rarity up to which an everyday word is a subject of the book: one chunk in twenty has it."""


class Lexicon:
    """The vocabulary of an index, prepared for questions.

    Args:
        forms: Word form -> number of chunks that hold it. Empty: nothing is known about the words,
            all weigh the same and none counts as unknown.
        chunks: Number of chunks.
    """

    def __init__(self, forms: Mapping[str, int], chunks: int) -> None:
        if len(forms) > MAX_FORMS:
            forms = dict(nlargest(MAX_FORMS, forms.items(), key=lambda item: item[1]))
        self._forms = forms
        self._chunks = chunks
        found: defaultdict[str, int] = defaultdict(int)
        for form, count in forms.items():
            found[stem(form)] += count
        self._found = dict(found)

    def __bool__(self) -> bool:
        """Whether anything is known about the words."""
        return bool(self._forms)

    def knows(self, term: str) -> bool:
        """Whether any chunk holds the term; True where nothing is known."""
        return not self._forms or term in self._found

    def lacks(self, token: Token) -> bool:
        """Whether no chunk holds the word, an identifier as a whole."""
        return not self.knows(token.terms[0])

    def rarity(self, term: str) -> float:
        """Inverse document frequency as the engine computes it; 1 where nothing is known.

        The forms of a term are added up, which counts a chunk twice that holds two of them.
        """
        if not self._forms:
            return 1.0
        held = min(self._found.get(term, 0), self._chunks)
        return math.log(1 + (self._chunks - held + 0.5) / (held + 0.5))

    @cached_property
    def is_other_script(self) -> bool:
        """Whether most of the words are written in another script than Latin."""
        return 2 * sum(map(str.isascii, self._forms)) < len(self._forms)

    def common_forms(self, number: int = 30) -> list[str]:
        """The commonest longer words, which show what language the book is in."""
        longer = ((count, form) for form, count in self._forms.items() if len(form) > SHORT)
        return [form for _, form in nlargest(number, longer)]

    def is_incidental(self, token: Token) -> bool:
        """Whether a question of another subject may well have the word too.

        That is so for vague words, and for everyday ones that the book seldom has; but an everyday
        thing that it never mentions is another subject.
        """
        if is_vague(token):
            return True
        term = token.terms[0]
        if not token.alike or term not in EVERYDAY or self.rarity(term) <= TOPIC:
            return False
        return term in TURNS or self.knows(term)

    def weight(self, token: Token) -> float:
        """What it says about a passage that it holds the word, at least 0.

        An identifier that the book does not have whole weighs what its pieces do.
        """
        if token.alike:
            share = VAGUE_SHARE if is_vague(token) else 1.0
            return share * max(map(self.rarity, token.terms))
        if self.knows(token.terms[0]):
            return self.rarity(token.terms[0])
        pieces = token.terms[1:]
        return sum(map(self.rarity, pieces)) / len(pieces)

    @cached_property
    def dictionary(self) -> Dictionary:
        """For the repair of misspelt words."""
        return Dictionary(self._forms, stem)


def is_vague(token: Token) -> bool:
    """Whether questions about anything are made of it."""
    return token.alike and bool(token.forms) and token.forms[0] in VAGUE
