"""Splits text into the terms that keyword search compares. Pure.

Words of every script become terms: Latin words folded (accents, ligatures) and stemmed, words in
Arabic script with unified letter forms, Chinese, Japanese, Korean and Thai as character bigrams,
everything else lower-cased. Numbers and versions stay whole. Identifiers are indexed whole and
split, the whole without its joiners: ``spin_once``, ``spinOnce`` and ``spin-once`` are one term.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import Stemmer

from backend.text.stopwords import STOPWORDS

# Scripts that are written without spaces, and Hangul, whose particles stick to the noun.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
)
# Vowel signs of Indic scripts: part of a word, but not alphanumeric for the re module.
_SIGNS = "\u0900-\u0963\u0970-\u0dff"
_LETTERS = rf"[^\W_{_UNSPACED}]+(?:[{_SIGNS}]+[^\W_{_UNSPACED}]*)*"
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\w)"
_LANGUAGE = r"\b[Cc]\+\+|\b[CcFf]\#(?!\w)"
_TOKEN = re.compile(
    rf"[{_UNSPACED}]+|{_NUMBER}|{_LANGUAGE}|{_LETTERS}(?:(?:_+|::|[.\-\u200c]){_LETTERS})*"
)
# the same for ASCII alone, twice as fast: large sets of characters are what takes the time
_PLAIN_LETTERS = r"[A-Za-z0-9]++(?:(?:_++|::|[.\-])[A-Za-z0-9]++)*+"
_PLAIN_TOKEN = re.compile(rf"(?=[A-Za-z0-9])(?:{_NUMBER}|{_LANGUAGE}|{_PLAIN_LETTERS})", re.ASCII)
_RUN = re.compile(f"[{_UNSPACED}]")
_GROUPED = re.compile(_NUMBER)
_PATH = re.compile(r"::|\.(?!\d)|(?<!\d)\.")
_NAME = re.compile(r"_+|[\-\u200c]")
_PIECE = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+(?:\.\d+)*")
_PLURAL_ACRONYM = re.compile(r"[A-Z]{2,}s")

# Accents of Latin, Greek and Cyrillic, vowel points of Hebrew and Arabic, tatweel.
_DROPPED = re.compile(
    "[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed\u200d\u00ad]+"
)
_UNIFIED: dict[int, str | int | None] = {
    **str.maketrans("ٱىېیۍئكڪةهۀەۃھۂ", "اييييیککہہہہہہہ"),
    **str.maketrans("ڻ", "ن"),
    **str.maketrans("øłđØŁĐ\u2010\u2011", "oldOLD--"),
    **{ord(c): pair for c, pair in zip("æœÆŒ", ("ae", "oe", "ae", "oe"), strict=True)},
    **{ord(c): str(unicodedata.digit(c)) for c in "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९০১২৩৪৫৬৭৮৯"},
}
_TO_UNIFY = re.compile("[" + "".join(map(re.escape, map(chr, _UNIFIED))) + "]")
# Signs that are no letter, no joiner and their own folded form, as far as English books use them.
_BEYOND_PLAIN = re.compile("[^\x00-\x7f‘’“”–—•←→\u2500-\u257f]")
_ARABIC = re.compile("[\u0620-\u06ff]")
_ARABIC_ARTICLE = re.compile("^(?:[وبفک]?ال|لل)(?=.{3})")

_MAX_SPLIT = 120  # longer words are blobs (hashes, base64): kept whole, not taken apart
_CHARS_PER_WORD = 6  # a run without spaces counts as long as an English text of as many characters

# maxCacheSize 0: _stem keeps its own bounded cache
_ENGLISH = Stemmer.Stemmer("english", 0)


class Token(NamedTuple):
    """A word of the text: ``terms`` are its forms in the index, ``words`` how long it counts.

    ``alike``: the terms are equals; otherwise the first is an identifier, the others its pieces.
    ``forms`` are the terms in order before stemming, lower-cased: what a dictionary of the book
    holds. Different forms may share a term.
    """

    terms: tuple[str, ...]
    words: float = 1.0
    alike: bool = True
    forms: tuple[str, ...] = ()


def fold(text: str) -> str:
    """The text with letter variants unified and accents dropped; upper case is kept."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    folded = unicodedata.normalize("NFC", _DROPPED.sub("", decomposed))
    # translating takes longer than all the rest, and most texts have nothing but curly quotes
    return folded.translate(_UNIFIED) if _TO_UNIFY.search(folded) else folded


def plain(text: str) -> str:
    """The folded text, as ASCII where its words are: signs become ``?``, the length stays.

    Everything that looks into a text is several times as fast on ASCII.
    """
    if text.isascii():
        return text
    if _BEYOND_PLAIN.search(text) is None:
        return text.encode("ascii", "replace").decode("ascii")
    return fold(text)


def tokens(text: str, *, query: bool = False) -> Iterator[Token]:
    """Every token of the text in order, stop words left out.

    A run of a script without spaces gives all its bigrams; documents also hold its single
    characters, so that a query of one character finds something.
    """
    folded = plain(text)
    if folded.isascii():
        return filter(None, map(_token, _PLAIN_TOKEN.findall(folded)))
    return filter(None, (_any_token(surface, query) for surface in _TOKEN.findall(folded)))


def counted_pieces(text: str) -> Counter[str]:
    """Pieces of a document that can be taken apart one by one, as they first come, with numbers.

    In ASCII they are what stands between spaces, which costs a fraction of finding every word; in
    other texts they are the words.
    """
    folded = plain(text)
    return Counter(folded.split() if folded.isascii() else _TOKEN.findall(folded))


def piece_tokens(piece: str) -> Iterator[Token]:
    """The tokens of a piece of :func:`counted_pieces`, stop words left out."""
    surfaces = _PLAIN_TOKEN.findall(piece) if piece.isascii() else (piece,)
    return filter(None, (_any_token(surface, query=False) for surface in surfaces))


def word_counts(texts: Iterable[str]) -> dict[str, int]:
    """The forms in the texts, each with the number of texts that hold it."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update({form for token in tokens(text) for form in token.forms})
    return dict(counts)


@lru_cache(maxsize=65536)
def _token(surface: str) -> Token | None:
    """The token of a word or number; None for a stop word."""
    if _GROUPED.fullmatch(surface):
        number = (surface.replace(",", ""),)
        return Token(number, forms=number)
    return _word(surface)


def _any_token(surface: str, query: bool) -> Token | None:
    """The token of what ``_TOKEN`` matched; None for a stop word."""
    if surface[0] < _UNSPACED[0] or not _RUN.match(surface):
        return _token(surface)
    terms = _run(surface, query)
    return Token(terms, len(surface) / _CHARS_PER_WORD, forms=terms)


def _run(surface: str, query: bool) -> tuple[str, ...]:
    bigrams = [surface[i : i + 2] for i in range(len(surface) - 1)]
    if query and bigrams:
        return tuple(bigrams)
    return (*surface, *bigrams)


def _word(surface: str) -> Token | None:
    tail = surface[1:]
    if surface.isalpha() and tail == tail.lower():
        lowered = surface.casefold()
        return None if lowered in STOPWORDS else Token((stem(lowered),), forms=(lowered,))
    forms = _compound(surface)  # also words in capitals: CAN is a bus, "can" a stop word
    terms = tuple(dict.fromkeys(map(stem, forms)))
    return Token(terms, max(1, len(terms) - 1), len(terms) == 1, forms)


def _compound(surface: str) -> tuple[str, ...]:
    if len(surface) > _MAX_SPLIT:
        return (surface.casefold(),)
    if _PLURAL_ACRONYM.fullmatch(surface):
        return (surface[:-1].casefold(),)
    forms = []
    for name in _PATH.split(surface):
        forms.append(name)
        for part in _NAME.split(name):
            forms.append(part)
            if part.isascii():
                forms.extend(_PIECE.findall(part))
    joined = (_NAME.sub("", form).casefold() for form in forms)
    whole = _NAME.sub("", _PATH.sub("", surface)).casefold()
    return tuple(dict.fromkeys((whole, *filter(_is_piece, joined))))


def _is_piece(piece: str) -> bool:
    return (len(piece) > 1 or piece.isdigit()) and piece not in STOPWORDS


def stem(word: str) -> str:
    """The term of a lower-case form."""
    if word.isascii():
        return str(_ENGLISH.stemWord(word))
    if _ARABIC.match(word):
        return _ARABIC_ARTICLE.sub("", word)
    return word
