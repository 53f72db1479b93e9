"""How likely it is that the book treats a question: 0..1. Pure.

A weighted sum of signals through the logistic function, so that 0.5 is the point of indifference:
the top BM25 score over what the question could have scored at most, unknown words counted; how many
words that belong to a subject the best passage has, which share of them, and whether it is about
them or has them in passing; the weight of words that the book does not know, of names among them
most of all; and the nearest vector.

The weights were fitted on questions about three books, each book's questions judged by weights from
the other two when signals and threshold were chosen: ``tests.bench.quality.fit``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from backend.domain import Hit, Question
from backend.text.evidence import Asked, asked, prepare
from backend.text.lexicon import VAGUE_SHARE, Lexicon, is_vague
from backend.text.sparse import PIECE_WEIGHT, K
from backend.text.tokens import Token, tokens

TOP = 3
"""Passages that are looked at."""
CONSTANT = -2.55
TOP_SCORE = 1.93
SUBJECT_WORDS = 1.11
SUBJECT_SHARE = 2.07
LONE_WORD = -1.2
"""One word of a subject is soon found in an example of any book, two together are not."""
STRESSED = 1.7
UNKNOWN = -2.1
REPAIRED = -0.14
"""A misspelt word that was replaced may have been a word of another field."""
UNKNOWN_NAME = -2.43
MAX_NAMES = 2
MAX_SUBJECT_WORDS = 3
FEW = 2
"""A question with fewer words of a subject is about the selected text, where there is one."""
COSINE = 0.35

COSINE_EVEN = 0.45
COSINE_SLOPE = 6.0
COSINE_SURE = 0.55
"""Cosines of current embedding models: related and unrelated texts part at about 0.45; from 0.55 on
a passage may answer a question that shares no word with it, as in another language."""

_SPACED = re.compile(r"[^\s,;:!?()\"'“”؟]+")
_MARKED = re.compile(r"[a-z][A-Z]|[A-Za-z]\d|\d[A-Za-z]|_|::|[A-Za-z]\.[A-Za-z]")
_FIRST_PERSON = frozenset(("I", "I'm", "I’m", "I'd", "I've", "I'll"))


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for and against an answer in the book; all but the counts are 0..1."""

    top_score: float = 0.0
    coverage: float = 0.0
    """Share of the question's weight that the best passage has."""
    subject_words: float = 0.0
    """Words of the question in the best passage, incidental ones left out."""
    subject_share: float = 0.0
    """The share that these have, by weight."""
    stressed: float = 0.0
    """The share that the passage has in its headings, or more than once."""
    unknown: float = 1.0
    repaired: float = 0.0
    unknown_names: int = 0
    cosine: float | None = None

    @property
    def is_lone(self) -> bool:
        """Whether the best passage has no two words of the subject."""
        return self.subject_words <= 1

    @property
    def confidence(self) -> float:
        """The signals in one number, 0..1."""
        if self.coverage < 0.1 and not self.top_score:  # no word in common
            if self.cosine is None:
                return 0.0
            return _logistic(COSINE_SLOPE * (self.cosine - COSINE_SURE))
        return _logistic(
            CONSTANT
            + TOP_SCORE * self.top_score
            + SUBJECT_WORDS * min(MAX_SUBJECT_WORDS, self.subject_words) / MAX_SUBJECT_WORDS
            + SUBJECT_SHARE * self.subject_share
            + LONE_WORD * self.is_lone
            + STRESSED * self.stressed
            + UNKNOWN * self.unknown
            + REPAIRED * self.repaired
            + UNKNOWN_NAME * min(MAX_NAMES, self.unknown_names)
            + (0.0 if self.cosine is None else COSINE * (self.cosine - COSINE_EVEN))
        )


def measure(
    words: Asked,
    question: Question,
    hits: Sequence[Hit],
    lexicon: Lexicon,
    *,
    repaired: Sequence[str] = (),
) -> Signals:
    """The signals of a question and its best hits.

    Args:
        words: The question's, weighed by the lexicon; those of the selected text count too where
            the question says little by itself.
        question: Its text is as it was searched for, misspelt words replaced.
        hits: Best first.
        lexicon: The book's words.
        repaired: The words that replaced misspelt ones.
    """
    if not hits:
        return Signals()
    selected = question.selected_text
    if selected and says_little(words, lexicon):
        words = asked(f"{question.text}\n{selected}", lexicon.weight)
    if not words.words:
        return Signals()
    incidental = {w.token for w in words.words if lexicon.is_incidental(w.token)}
    words = _weighed(words, incidental)
    passages = [
        prepare((hit.chunk.source, " > ".join(hit.chunk.heading_path), hit.chunk.window))
        for hit in hits[:TOP]
    ]
    covered = [words.coverage(passage) for passage in passages]
    coverage = max(covered)
    closest = passages[covered.index(coverage)]
    subject = Asked(tuple([word for word in words.words if word.token not in incidental]))
    named, replaced = set(_names(question.text)), set(repaired)
    cosines = [hit.dense_score for hit in hits if hit.dense_score is not None]
    return Signals(
        top_score=_top_score(words, hits, lexicon, incidental) if lexicon else coverage,
        coverage=coverage,
        subject_words=subject.held(closest),
        subject_share=subject.coverage(closest),
        stressed=_stressed(subject, closest),
        unknown=_share(words, lexicon.lacks) if lexicon else 1 - coverage,
        repaired=_share(words, lambda token: not replaced.isdisjoint(token.forms)),
        unknown_names=sum(w.token in named and lexicon.lacks(w.token) for w in words.words),
        cosine=max(cosines, default=None),
    )


def says_little(words: Asked, lexicon: Lexicon) -> bool:
    """Whether a question with these words cannot be understood without the text it is about."""
    return sum(not lexicon.is_incidental(word.token) for word in words.words) < FEW


def _weighed(words: Asked, incidental: Set[Token]) -> Asked:
    """The words with incidental ones at the weight of vague ones, which have theirs already."""
    return Asked(
        tuple(
            [
                word._replace(weight=VAGUE_SHARE * word.weight)
                if word.token in incidental and not is_vague(word.token)
                else word
                for word in words.words
            ]
        )
    )


def _stressed(subject: Asked, passage: str) -> float:
    if not subject.total:
        return 0.0
    headings = prepare(passage.split("\n", 2)[:2])
    seldom = [word for word in subject.words if any(passage.count(p) < 2 for p in word.parts)]
    once = Asked(tuple(seldom))
    return 1 - once.total * (1 - once.coverage(headings)) / subject.total


def _top_score(
    words: Asked, hits: Sequence[Hit], lexicon: Lexicon, incidental: Set[Token]
) -> float:
    """The best BM25 score over the score of a passage that has every word very often."""
    most = 0.0
    for word in words.words:
        share = VAGUE_SHARE if word.token in incidental else 1.0
        for position, term in enumerate(word.token.terms):
            whole = word.token.alike or position == 0
            most += share * (1.0 if whole else PIECE_WEIGHT) * lexicon.rarity(term) * (K + 1)
    top = max(hit.sparse_score or 0.0 for hit in hits[:TOP])
    return min(1.0, top / most) if most else 0.0


def _share(words: Asked, which: Callable[[Token], bool]) -> float:
    held = sum([word.weight for word in words.words if which(word.token)])
    return held / words.total if words.total else 0.0


def _names(question: str) -> list[Token]:
    """Words that name one particular thing: with a capital within the sentence, or identifiers."""
    if question[1:].islower() and _MARKED.search(question) is None:
        return []
    found: list[Token] = []
    for match in _SPACED.finditer(question):
        word = match.group().rstrip(".")
        named = bool(_MARKED.search(word)) or (
            match.start() > 0 and word[:1].isupper() and word not in _FIRST_PERSON
        )
        if named:
            found.extend(list(tokens(word, query=True))[:1])
    return found


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))
