"""Takes a text apart so that a model may rewrite its words and nothing else. Pure.

What must survive (see :mod:`mask_blocks` and :mod:`mask_spans`) never reaches the model, or reaches
it as a placeholder ``⟦n⟧``. A reply is accepted only when every placeholder is there once, those of
links, emphasis and HTML enclose each other as before, and the words between them bring no markup of
their own: what a text, or a model that obeys it, tries to smuggle in is found here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backend.text.mask_blocks import split_blocks
from backend.text.mask_spans import Span, find_spans

_MARK = re.compile(r"[⟦〚]\s*(\d{1,9})\s*[⟧〛]")
_SOFT_BREAK = re.compile(r"[ \t]*\r?\n[ \t]*(?:>[ \t]?)*")
_BREAK = re.compile(r"[ \t\r]*\n\s*")
_LETTER = re.compile(r"[^\W\d_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_BLOCK = re.compile(r"(?:#{1,6}|[-*+>]|\d{1,9}[.)]|:{3,}|={3,}|import|export)(?:\s|$)|[-*_]{3,}$")
_SYNTAX = re.compile(r"[`<|{}*~$\\⟦⟧]|\]\(|!?\[|://|\bwww\.|\bjavascript:|(?<!\w)_|_(?!\w)", re.I)
_SLACK = 240
_MAX_GROWTH = 6
SHOWN_CHARS = 60
"""Longer spans are not worth their tokens in what the model is told about placeholders."""


class DamagedError(ValueError):
    """A reply that cannot be used; the message tells the model what was wrong."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A paragraph, heading, item or cell: ``shown`` is what the model sees, on one line.

    ``spans`` are the protected texts by the number of their placeholder.
    """

    shown: str
    source: str
    spans: dict[int, tuple[Span, str]]

    @property
    def legend(self) -> dict[int, str]:
        """What the placeholders of code and names stand for, so that sentences make sense."""
        return {
            number: text
            for number, (span, text) in self.spans.items()
            if span.kind in ("code", "name", "dunder", "term") and len(text) <= SHOWN_CHARS
        }


@dataclass(frozen=True, slots=True)
class Masked:
    """A text taken apart: verbatim strings and units, in order."""

    pieces: tuple[str | Unit, ...]

    @property
    def units(self) -> tuple[Unit, ...]:
        """What is to be rewritten; empty where the text has no words."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Unit))

    def restore(self, replies: Sequence[str]) -> str:
        """The text with a restored reply (see :func:`accept`) in place of each unit."""
        left = iter(replies)
        return "".join(next(left) if isinstance(p, Unit) else p for p in self.pieces)


def mask(text: str, pattern: re.Pattern[str]) -> Masked:
    """Take a text apart; ``pattern`` is of :func:`mask_spans.compile_spans`."""
    pieces: list[str | Unit] = []
    number = 0
    for piece in split_blocks(text):
        unit = _unit(piece.text, pattern, number + 1) if piece.prose else None
        if unit is None:
            pieces.append(piece.text)
        else:
            pieces.append(unit)
            number += len(unit.spans)
    return Masked(tuple(pieces))


def accept(unit: Unit, reply: str) -> str:
    """The unit's new text: the reply with every placeholder replaced by what it stands for.

    Raises:
        DamagedError: the reply lost, repeated or invented a placeholder, broke a pair, is empty or
            far too long, or brings markup of its own.
    """
    words = _BREAK.sub(" ", reply).strip(" \t\r")
    if not words or _CONTROL.search(words):
        raise DamagedError("a line is empty or holds control characters")
    if len(words) > _MAX_GROWTH * len(unit.shown) + _SLACK:
        raise DamagedError("a line is far longer than its original")
    numbers = [int(match[1]) for match in _MARK.finditer(words)]
    _check_placeholders(unit, numbers)
    _check_pairs(unit, numbers)
    _check_words(unit, words)
    return "".join(_filled(unit, words))


def _unit(text: str, pattern: re.Pattern[str], first: int) -> Unit | None:
    """The unit of a piece of prose, or None where it has no word of its own."""
    shown: list[str] = []
    spans: dict[int, tuple[Span, str]] = {}
    at, words = 0, False
    for number, span in enumerate(find_spans(text, pattern), first):
        words = words or _LETTER.search(text, at, span.start) is not None
        shown += [_one_line(text[at : span.start]), f"⟦{number}⟧"]
        spans[number] = (span, text[span.start : span.end])
        at = span.end
    shown.append(_one_line(text[at:]))
    if not words and not _LETTER.search(text, at):
        return None
    return Unit("".join(shown), text, spans)


def _one_line(text: str) -> str:
    return _SOFT_BREAK.sub(" ", text).replace("\r", " ")


def _check_placeholders(unit: Unit, numbers: Sequence[int]) -> None:
    seen = Counter(numbers)
    missing = [f"⟦{number}⟧" for number in unit.spans if number not in seen]
    if missing:
        raise DamagedError(f"these placeholders are missing: {' '.join(missing[:20])}")
    extra = [f"⟦{n}⟧" for n, count in seen.items() if count > 1 or n not in unit.spans]
    if extra:
        raise DamagedError(f"these placeholders are repeated or foreign: {' '.join(extra[:20])}")


def _check_pairs(unit: Unit, numbers: Sequence[int]) -> None:
    open_pairs: list[int] = []
    for number in numbers:
        span = unit.spans[number][0]
        if not span.pair:
            continue
        if span.opens:
            open_pairs.append(span.pair)
        elif not open_pairs or open_pairs.pop() != span.pair:
            raise DamagedError(f"⟦{number}⟧ no longer encloses what it did")


def _check_words(unit: Unit, words: str) -> None:
    """Refuse markup that the original's own words do not have."""
    before = _syntax(_MARK.sub("\x00", unit.shown))
    after = _syntax(_MARK.sub("\x00", words))
    added = after - before
    if added:
        raise DamagedError(f"markup was added: {next(iter(added))}")
    if _BLOCK.match(words) and not _BLOCK.match(unit.shown):
        raise DamagedError("a line begins like a heading or a list")


def _syntax(words: str) -> Counter[str]:
    return Counter(match[0].lower() for match in _SYNTAX.finditer(words))


def _filled(unit: Unit, words: str) -> Iterator[str]:
    """The reply's parts with the protected texts between them."""
    at, tight = 0, False
    for match in _MARK.finditer(words):
        span, text = unit.spans[int(match[1])]
        part = words[at : match.start()]
        part = part.lstrip() if tight else part
        yield part.rstrip() if span.tight and not span.opens else part
        yield text
        at, tight = match.end(), span.tight and span.opens
    yield words[at:].lstrip() if tight else words[at:]
