"""BM25 as sparse vectors, the way Qdrant computes it, for documents and queries. Pure.

A term's index is ``abs(int32(murmur3_32(term)))``. A document's value is the saturated frequency
``tf * (k + 1) / (tf + k * (1 - b + b * length / average))``, a query's is 1; the engine multiplies
by ``ln(1 + (N - df + 0.5) / (df + 0.5))`` through the vector's IDF modifier. Two departures: the
average length is a constant, because a vector must not depend on the other documents; and in a
query the pieces of an identifier weigh half, because they repeat what its whole says, and so do
the words that questions about anything are made of.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from itertools import chain
from operator import attrgetter, itemgetter

import mmh3

from backend.domain import SparseVector
from backend.text.lexicon import is_vague
from backend.text.tokens import Token, counted_pieces, piece_tokens, tokens

K = 1.2
B = 0.75
AVERAGE_LENGTH = 70.0
"""Words without stop words of a chunk of about 600 characters with its heading path."""
HEADING_BOOST = 1.5
PIECE_WEIGHT = 0.5
VAGUE_WEIGHT = 0.5
"""A book of code has ``purpose`` seldom, which makes it look like what a question is about."""

_TERMS = attrgetter("terms")

_Entry = tuple[float, tuple[int, ...], tuple[str, ...]]
_FORMS = itemgetter(2)


def encode_document(
    text: str, *, heading_boost: float = HEADING_BOOST, forms: set[str] | None = None
) -> SparseVector:
    """The BM25 vector of a chunk's ``indexed_text``.

    Args:
        text: The heading path on the first line, the body below; one line alone is a body.
        heading_boost: How often a term in the heading path counts, against 1 in the body.
        forms: The forms of the text's words are added to it.
    """
    first, newline, rest = text.partition("\n")
    heading, body = (first, rest) if newline else ("", first)
    frequencies: defaultdict[int, float] = defaultdict(float)
    length = _count(heading, heading_boost, frequencies, forms)
    length += _count(body, 1.0, frequencies, forms)
    norm = K * (1 - B + B * length / AVERAGE_LENGTH)
    return SparseVector(
        indices=tuple(frequencies),
        values=tuple([tf * (K + 1) / (tf + norm) for tf in frequencies.values()]),
    )


def encode_query(text: str) -> SparseVector:
    """The vector of a question: weight 1 for each different word, empty without any.

    Vague words and the pieces of identifiers weigh less.
    """
    weights: dict[int, float] = {}
    for token in tokens(text, query=True):
        whole = VAGUE_WEIGHT if is_vague(token) else 1.0
        for position, index in enumerate(_hashed(token.terms)):
            weight = whole if token.alike or position == 0 else PIECE_WEIGHT
            weights[index] = max(weight, weights.get(index, 0.0))
    return SparseVector(indices=tuple(weights), values=tuple(weights.values()))


@lru_cache(maxsize=256)  # a question is compared with every passage that it is answered from
def query_terms(text: str) -> tuple[str, ...]:
    """The different terms that a question asks for, in order."""
    return tuple(dict.fromkeys(chain.from_iterable(map(_TERMS, tokens(text, query=True)))))


def document_terms(text: str) -> frozenset[str]:
    """The terms that a document with this text is found by."""
    return frozenset(chain.from_iterable(map(_TERMS, tokens(text))))


def coverage(query: str, text: str) -> float:
    """Share of the question's words that the text holds, 0..1; 0 for a question without words.

    An identifier counts as one word: held when the text has it whole, else by how many of its
    pieces it has.
    """
    asked = dict.fromkeys(tokens(query, query=True))
    held = document_terms(text)
    return sum(_held(word, held) for word in asked) / len(asked) if asked else 0.0


def _held(word: Token, held: frozenset[str]) -> float:
    if not word.alike and word.terms[0] in held:
        return 1.0
    pieces = word.terms if word.alike else word.terms[1:]
    return sum(piece in held for piece in pieces) / len(pieces)


def _count(
    text: str, weight: float, frequencies: defaultdict[int, float], forms: set[str] | None
) -> float:
    """Add the text's weighted term frequencies; return its length in words."""
    pieces = counted_pieces(text)
    entries = list(map(_ascii_entry if text.isascii() else _entry, pieces))
    if forms is not None:
        forms.update(chain.from_iterable(map(_FORMS, entries)))
    length = 0.0
    for (words, indices, _), count in zip(entries, pieces.values(), strict=True):
        length += count * words
        gain = count * weight
        for index in indices:
            frequencies[index] += gain
    return length


def _entry(piece: str) -> _Entry:
    """How many words the piece has, the indices of their terms, and their forms."""
    return _ascii_entry(piece) if piece.isascii() else _made(piece)


def _made(piece: str) -> _Entry:
    found = tuple(piece_tokens(piece))
    return (
        sum(token.words for token in found),
        tuple(index for token in found for index in _hashed(token.terms)),
        tuple(form for token in found for form in token.forms),
    )


_ascii_entry = lru_cache(maxsize=65536)(_made)
"""Only these are kept: a run of Chinese, say, hardly comes again."""


@lru_cache(maxsize=65536)
def _hashed(terms: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(_index(term) for term in terms)


def _index(term: str) -> int:
    return abs(mmh3.hash(term))
