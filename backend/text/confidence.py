"""How likely it is that the book treats a question: 0..1. Pure.

A weighted sum of signals through the logistic function, so that 0.5 is the point of indifference:
the top BM25 score over what the question could have scored at most, unknown words counted; the
share of the question's weight that the best passage has; the weight of words that the book does not
know, of names among them most of all; and names that the book knows but the best passage lacks,
which is how a neighbouring topic gives itself away.

The weights were fitted on questions about two books and checked on a third; ``make eval`` shows how
they do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.domain import Hit, Question
from backend.text.evidence import Asked, asked, prepare
from backend.text.lexicon import VAGUE_SHARE, Lexicon
from backend.text.sparse import PIECE_WEIGHT, K
from backend.text.stopwords import VAGUE
from backend.text.tokens import Token, tokens

TOP = 3
"""Passages that are looked at."""
CONSTANT = -0.5
TOP_SCORE = 2.0
COVERAGE = 2.4
UNKNOWN = -3.5
UNKNOWN_NAME = -2.4
ABSENT_NAME = -2.6
MAX_NAMES = 2
REPAIRED = 0.5
"""How far a misspelt word counts as unknown: what looks like one may be a word of another field."""

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
    unknown: float = 1.0
    unknown_names: int = 0
    absent_names: int = 0
    cosine: float | None = None
    passages: tuple[str, ...] = field(default=(), repr=False)

    @property
    def confidence(self) -> float:
        """The signals in one number, 0..1."""
        if not self.passages:
            return 0.0
        lexical = (
            CONSTANT
            + TOP_SCORE * self.top_score
            + COVERAGE * self.coverage
            + UNKNOWN * self.unknown
            + UNKNOWN_NAME * self.unknown_names
            + ABSENT_NAME * self.absent_names
        )
        if self.cosine is None:
            return _logistic(lexical)
        semantic = COSINE_SLOPE * (self.cosine - COSINE_EVEN)
        if self.coverage < 0.1 and not self.top_score:  # no word in common
            return _logistic(COSINE_SLOPE * (self.cosine - COSINE_SURE))
        return _logistic(lexical + semantic / 2)


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
            the question has fewer than two words of its own.
        question: Its text is as it was searched for, misspelt words replaced.
        hits: Best first.
        lexicon: The book's words.
        repaired: The words that replaced misspelt ones.
    """
    if not hits:
        return Signals()
    selected = question.selected_text
    if selected and sum(not _is_vague(word.token) for word in words.words) < 2:
        words = asked(f"{question.text}\n{selected}", lexicon.weight)
    if not words.words:
        return Signals()
    best = [prepare((" > ".join(hit.chunk.heading_path), hit.chunk.window)) for hit in hits[:TOP]]
    covered = [words.coverage(passage) for passage in best]
    closest = best[covered.index(max(covered))]
    coverage = max(covered)
    named = set(_names(question.text))
    names = [Asked((word,)) for word in words.words if word.token in named]
    unknown_names = [name for name in names if not lexicon.knows(name.words[0].token.terms[0])]
    absent = [n for n in names if n not in unknown_names and n.coverage(closest) < 0.5]
    cosines = [hit.dense_score for hit in hits[:TOP] if hit.dense_score is not None]
    return Signals(
        top_score=_top_score(words, hits, lexicon) if lexicon else coverage,
        coverage=coverage,
        unknown=_unknown(words, lexicon, repaired) if lexicon else 1 - coverage,
        unknown_names=min(MAX_NAMES, len(unknown_names)),
        absent_names=min(MAX_NAMES, len(absent)) if lexicon else 0,
        cosine=max(cosines, default=None),
        passages=tuple(best),
    )


def _top_score(words: Asked, hits: Sequence[Hit], lexicon: Lexicon) -> float:
    """The best BM25 score over the score of a passage that has every word very often."""
    most = 0.0
    for word in words.words:
        share = VAGUE_SHARE if _is_vague(word.token) else 1.0
        for position, term in enumerate(word.token.terms):
            whole = word.token.alike or position == 0
            most += share * (1.0 if whole else PIECE_WEIGHT) * lexicon.rarity(term) * (K + 1)
    top = max(hit.sparse_score or 0.0 for hit in hits[:TOP])
    return min(1.0, top / most) if most else 0.0


def _unknown(words: Asked, lexicon: Lexicon, repaired: Sequence[str]) -> float:
    if not words.total:
        return 0.0
    known = set(repaired)
    missing = 0.0
    for word in words.words:
        if not lexicon.knows(word.token.terms[0]):
            missing += word.weight
        elif known and known & set(word.token.forms):
            missing += REPAIRED * word.weight
    return min(1.0, missing / words.total)


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


def _is_vague(token: Token) -> bool:
    return token.alike and token.forms[:1] != () and token.forms[0] in VAGUE


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))
