"""Answers without a model: the passages' own words that answer the question. Pure.

Pieces (sentences, list items, code blocks, tables) are scored by the question's terms that they
hold, weighted by how rare a term is among the candidates; a heading that asks what the reader asks
lifts the text that follows it. The best pieces are widened to what can stand alone: a lead-in with
its list or code, a sentence with its neighbours. A comparison is answered by the best span and the
best one of each side. Everything returned is verbatim.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backend.domain import Hit
from backend.text.comparisons import compared
from backend.text.passages import Piece, is_bare_code, pieces
from backend.text.stopwords import VAGUE
from backend.text.tokens import stem

ANSWER_CHARS = 1_400
"""An answer stops growing here; a code block or table that is larger stays whole."""
SPAN_CHARS = 700
MAX_SPANS = 3
SELECTION_WEIGHT = 0.4
"""Weight of a term that only the selected text holds, against 1 for the question's own."""
WORTH_ADDING = 0.85
"""A further span must score this share of the best one,"""
NEWS = 0.15
WORTH_NEWS = 0.4
"""or this one where it brings terms not yet covered, with this share of the question's weight."""
VAGUE_WEIGHT = 0.3
QUESTION_SHARE = 0.2
"""What is left of the score of a piece that asks instead of telling."""
FIRM_HEADING = 0.4
"""A heading with a smaller share of the question says nothing about the text below it."""
SHORT_CODE = 240
POINTED_CODE = 1_200
"""Announced code of up to so many characters is shown whether or not code was asked for; the second
where the sentence says nothing without it ("the following structure:")."""

_WANTS_CODE = re.compile(
    r"\bcode|\bhow (?:do|can|to|should|would)\b|\bexample|\bcommand|\bsnippet|\bimplement|\bsyntax"
    r"|\bfunction\b|\bscript|\bwrite\b|_|\(\)|::"
)
_POINTS = re.compile(r"\b(?:following|follows|like this|like so|below|here(?:'s| is| are))\b", re.I)
_VAGUE_TERMS = frozenset(map(stem, VAGUE))

Terms = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Extract:
    """A verbatim span of ``hit.chunk.window``."""

    hit: Hit
    text: str
    has_blocks: bool
    """True where the span holds code, a list or a table and so needs lines of its own."""


@dataclass(slots=True)
class _Candidate:
    hit: Hit
    parts: list[Piece]
    position: int
    terms: frozenset[str]
    score: float


def extract(question: str, selected: str, hits: Sequence[Hit], terms: Terms) -> list[Extract]:
    """The spans that answer, best first; at least one where there is a hit."""
    found = _extract(question, selected, hits, terms)
    sides = compared(question)
    if not sides:
        return found
    best = [span for side in sides for span in _extract(side, "", hits, terms)[:1]]
    chosen: list[Extract] = []
    for span in (*found[:1], *best, *found[1:]):
        if len(chosen) <= len(sides) and not _repeats(span, chosen):
            chosen.append(span)
    return chosen


def _extract(question: str, selected: str, hits: Sequence[Hit], terms: Terms) -> list[Extract]:
    weights = _term_weights(question, selected, terms)
    code = bool(_WANTS_CODE.search(question.lower())) or bool(selected)
    candidates = _candidates(hits, weights, terms)
    if not candidates:
        return [Extract(hit, hit.chunk.window.strip(), True) for hit in hits[:1]]
    ranked = sorted(candidates, key=lambda item: -item.score)
    chosen: list[Extract] = []
    covered: set[str] = set()
    used: set[str] = set()
    room = ANSWER_CHARS
    for candidate in ranked:
        if len(chosen) == MAX_SPANS or (chosen and room < 80):
            break
        if candidate.hit.chunk.id in used:
            continue
        if chosen and not _adds(candidate, covered, ranked[0].score, weights):
            continue
        span = _widen(candidate, min(SPAN_CHARS, room) if chosen else SPAN_CHARS, code)
        if _repeats(span, chosen):
            continue
        if chosen and len(span.text) > room:
            continue
        chosen.append(span)
        used.add(candidate.hit.chunk.id)
        covered |= candidate.terms
        room -= len(span.text)
    return chosen


def _repeats(span: Extract, chosen: Sequence[Extract]) -> bool:
    return any(span.text in other.text or other.text in span.text for other in chosen)


def _adds(
    candidate: _Candidate, covered: set[str], best: float, weights: Mapping[str, float]
) -> bool:
    """Whether a further span is worth the reader's time."""
    if candidate.score >= WORTH_ADDING * best:
        return True
    gain = sum(weights[term] for term in candidate.terms - covered)
    return candidate.score >= WORTH_NEWS * best and gain >= NEWS * sum(weights.values())


def compose(extracts: Sequence[Extract]) -> str:
    """Markdown of the spans in order; span ``n`` (from 1) carries the mark ``[n]``."""
    paragraphs = []
    for number, item in enumerate(extracts, 1):
        if item.has_blocks:
            label = " › ".join(item.hit.chunk.heading_path[-2:]) or item.hit.chunk.title
            text = f"```\n{item.text}\n```" if is_bare_code(item.text) else item.text
            paragraphs.append(f"{label} [{number}]:\n\n{text}")
        else:
            paragraphs.append(f"{item.text} [{number}]")
    return "\n\n".join(paragraphs)


def _term_weights(question: str, selected: str, terms: Terms) -> dict[str, float]:
    weights = dict.fromkeys(terms(selected), SELECTION_WEIGHT) if selected else {}
    weights.update((t, VAGUE_WEIGHT if t in _VAGUE_TERMS else 1.0) for t in terms(question))
    return weights


def _candidates(
    hits: Sequence[Hit], weights: Mapping[str, float], terms: Terms
) -> list[_Candidate]:
    parts_of = [pieces(hit.chunk.window) for hit in hits]
    found: list[tuple[int, int, frozenset[str]]] = []
    frequency: Counter[str] = Counter()
    for number, parts in enumerate(parts_of):
        for position, piece in enumerate(parts):
            if piece.kind == "heading":
                continue
            shared = frozenset(terms(piece.text)) & weights.keys()
            frequency.update(shared)
            found.append((number, position, shared))
    rarity = {
        term: weight * math.log(1 + len(found) / (1 + frequency[term]))
        for term, weight in weights.items()
    }
    headings = [_heading_share(hit, rarity, terms) for hit in hits]
    top = max((hit.score for hit in hits), default=0.0) or 1.0
    result = []
    for number, position, shared in found:
        hit, parts = hits[number], parts_of[number]
        share, total = headings[number], sum(rarity.values())
        early = 1.0 if _is_opening(parts, position) else 0.3
        score = sum(rarity[term] for term in shared) / (1 + len(parts[position].text) / 2_000)
        firm = max(0.0, share - FIRM_HEADING) / (1 - FIRM_HEADING)
        score = (score + 1.1 * firm**1.5 * total * early) * (0.3 + 0.7 * hit.score / top)
        if parts[position].text.rstrip(" *_").endswith(("?", "؟", "？")):
            score *= QUESTION_SHARE
        result.append(_Candidate(hit, parts, position, shared, score))
    return result


def _heading_share(hit: Hit, rarity: Mapping[str, float], terms: Terms) -> float:
    """Share of the question's weight that the last two headings hold, 0..1."""
    total = sum(rarity.values())
    held = set(terms(" ".join(hit.chunk.heading_path[-2:])))
    return sum(weight for term, weight in rarity.items() if term in held) / total if total else 0.0


def _is_opening(parts: Sequence[Piece], position: int) -> bool:
    """Whether only headings stand before the piece's block in its passage."""
    block = parts[position].block
    return all(piece.kind == "heading" or piece.block >= block for piece in parts[:position])


def _widen(candidate: _Candidate, limit: int, code: bool) -> Extract:
    parts, first = candidate.parts, candidate.position
    last = first
    kind = parts[first].kind
    if kind == "item":
        first, last = _whole_list(parts, first)
        if parts[last].end - parts[first].start > limit:
            first = last = candidate.position
    if kind != "sentence" and first and _leads_in(parts[first - 1]):
        first -= 1
    if kind == "sentence":
        first, last = _widen_sentence(parts, first, limit, code)
    text = candidate.hit.chunk.window[parts[first].start : parts[last].end]
    blocks = any(piece.kind != "sentence" for piece in parts[first : last + 1])
    return Extract(candidate.hit, text, blocks)


def _widen_sentence(
    parts: Sequence[Piece], position: int, limit: int, code: bool
) -> tuple[int, int]:
    first = last = position
    block = parts[position].block
    while last + 1 < len(parts) and _length(parts, first, last + 1) <= limit:
        following = parts[last + 1]
        if following.kind == "code":
            break
        if following.block == block or _leads_in(parts[last]) or following.kind == "item":
            if following.kind == "item" and parts[last].kind == "sentence":
                if not _leads_in(parts[last]):
                    break
            last += 1
        else:
            break
    if _leads_in(parts[last]) and last + 1 < len(parts) and parts[last + 1].kind == "code":
        most = POINTED_CODE if _POINTS.search(parts[last].text) else SHORT_CODE
        if code or len(parts[last + 1].text) <= most:
            last += 1  # the code that was asked for belongs to its lead-in, whatever its length
    while first and parts[first - 1].block == block and _length(parts, first - 1, last) <= limit:
        first -= 1
    return first, last


def _length(parts: Sequence[Piece], first: int, last: int) -> int:
    return parts[last].end - parts[first].start


def _leads_in(piece: Piece) -> bool:
    return piece.kind == "sentence" and piece.text.rstrip(" *_").endswith((":", "："))


def _whole_list(parts: Sequence[Piece], position: int) -> tuple[int, int]:
    first = last = position
    while first and parts[first - 1].kind == "item":
        first -= 1
    while last + 1 < len(parts) and parts[last + 1].kind == "item":
        last += 1
    return first, last
