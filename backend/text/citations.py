"""Checks what a model cites, and finds the words in a passage that carry it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from backend.domain import Citation, Hit
from backend.text.passages import Piece, pieces

MARK = re.compile(r"\[(\d{1,9}(?:\s*[,;]\s*\d{1,9})*)\]")
"""A citation mark: ``[3]`` or ``[1, 2]``."""

_FENCE = re.compile(r"(^(?:```|~~~).*?(?:^(?:```|~~~)\s*$|\Z)|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
_SPACE_BEFORE = re.compile(r"[ \t]+(?=[.,;:!?]|$)", re.MULTILINE)

QUOTE_CHARS = 400
"""Longest quote of a generated answer's citation, unless its first piece alone is longer."""

KEPT_PASSAGES = 512
"""Passages whose pieces are remembered, at about 10 kB each: readers ask about the same ones, and
taking a passage apart costs more than everything else that is done with it."""

Terms = Callable[[str], Sequence[str]]


def clean_marks(text: str, known: int) -> tuple[str, list[int]]:
    """Drop marks of passages that do not exist; leave code alone.

    Returns the text with every mark written as ``[n]`` and the numbers in order of first use.
    """
    used: list[int] = []

    def replace(match: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", match.group(1))]
        valid = [number for number in numbers if 1 <= number <= known]
        used.extend(number for number in valid if number not in used)
        return "".join(f"[{number}]" for number in valid)

    parts = _FENCE.split(text)
    for position in range(0, len(parts), 2):  # odd parts are code
        cleaned = MARK.sub(replace, parts[position])
        if cleaned != parts[position]:
            cleaned = _SPACE_BEFORE.sub("", cleaned)
        parts[position] = cleaned
    return "".join(parts).strip(), used


def statements_by_mark(text: str) -> dict[int, str]:
    """For each cited number the sentences that carry its mark."""
    statements: dict[int, str] = {}
    for sentence in re.split(r"(?<=[.!?])\s+(?!\[)|\n+", text):
        for group in MARK.findall(sentence):
            for number in re.findall(r"\d+", group):
                key = int(number)
                statements[key] = f"{statements.get(key, '')} {MARK.sub('', sentence)}"
    return statements


def best_quote(passage: str, statement: str, terms: Terms, *, limit: int = QUOTE_CHARS) -> str:
    """The run of neighbouring pieces of ``passage`` that shares most terms with ``statement``.

    Always a verbatim substring of ``passage``.
    """
    parts, held = _quotable(passage, terms)
    if not parts:
        return passage.strip()
    wanted = set(terms(statement))
    overlap = [len(wanted & found) for found in held]
    best = max(range(len(parts)), key=lambda position: (overlap[position], -position))
    first = last = best
    while last + 1 < len(parts) and overlap[last + 1] >= 2 and _room(parts, first, last + 1, limit):
        last += 1
    return passage[parts[first].start : parts[last].end]


@lru_cache(maxsize=KEPT_PASSAGES)
def _quotable(passage: str, terms: Terms) -> tuple[tuple[Piece, ...], tuple[frozenset[str], ...]]:
    """What of a passage can be quoted, and the terms of each piece."""
    found = pieces(passage)
    parts = tuple(piece for piece in found if piece.kind != "heading") or tuple(found)
    return parts, tuple(frozenset(terms(piece.text)) for piece in parts)


def _room(parts: Sequence[Piece], first: int, last: int, limit: int) -> bool:
    return parts[last].end - parts[first].start <= limit


def cite(
    hits: Sequence[Hit],
    used: Sequence[int],
    text: str,
    *,
    link: Callable[[Hit], str],
    terms: Terms,
) -> tuple[Citation, ...]:
    """Citations for the numbers in ``used``, in order of number; quotes are verbatim."""
    statements = statements_by_mark(text)
    return tuple(
        make_citation(
            number,
            hits[number - 1],
            best_quote(hits[number - 1].chunk.window, statements.get(number, text), terms),
            link(hits[number - 1]),
        )
        for number in sorted(used)
    )


def make_citation(number: int, hit: Hit, quote: str, url: str) -> Citation:
    """A citation of ``hit`` whose ``quote`` must stand in the chunk's text."""
    if quote not in hit.chunk.window:
        raise ValueError("a quote must stand in the chunk that it is taken from")
    return Citation(
        n=number,
        title=hit.chunk.title,
        heading_path=hit.chunk.heading_path,
        url=url,
        source=hit.chunk.source,
        quote=quote,
        score=round(hit.score, 4),
    )


def refusal_text(book_title: str, closest: Sequence[Citation]) -> str:
    """The sentence for a question that the book does not treat, with the closest sections."""
    sentence = f"I could not find an answer to this in “{book_title}”."
    if not closest:
        return sentence
    sections = [f"- {' › '.join(item.heading_path) or item.title} [{item.n}]" for item in closest]
    return "\n".join([sentence, "", "The closest sections are:", *sections])
