"""Puts questions that ask for the same thing together, by the words they share. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from backend.text.sparse import query_terms

ALIKE = 0.5
"""Weighted overlap (Jaccard, rare words count more) from which two questions are one."""


def group_alike(questions: Sequence[str], *, alike: float = ALIKE) -> list[list[int]]:
    """Indexes of questions that belong together, the largest groups first.

    Each question joins the group whose first question it is most like. Within a group the order is
    that of ``questions``; groups of one size are in the order of their first question.
    """
    terms = [frozenset(query_terms(text)) or frozenset({text.casefold()}) for text in questions]
    weights = _weights(terms)
    groups: list[list[int]] = []
    by_term: defaultdict[str, list[int]] = defaultdict(list)
    for index, own in enumerate(terms):
        near = Counter(group for term in own for group in by_term[term])
        best, likeness = -1, 0.0
        for group in near:
            value = _overlap(own, terms[groups[group][0]], weights)
            if value > likeness:
                best, likeness = group, value
        if likeness >= alike:
            groups[best].append(index)
            continue
        for term in own:
            by_term[term].append(len(groups))
        groups.append([index])
    return sorted(groups, key=lambda group: (-len(group), group[0]))


def spoken_for(questions: Sequence[str]) -> str:
    """The question that stands for a group: the most frequent wording, else the first."""
    wordings = Counter(" ".join(text.casefold().split()) for text in questions)
    most = max(wordings.values())
    return next(text for text in questions if wordings[" ".join(text.casefold().split())] == most)


def _weights(terms: Sequence[frozenset[str]]) -> dict[str, float]:
    """How much a term tells: those of most questions (the book's name) next to nothing."""
    distinct = set(terms)
    frequency = Counter(term for own in distinct for term in own)
    total = len(distinct)
    return {term: math.log(1 + (total + 1) / count) for term, count in frequency.items()}


def _overlap(one: frozenset[str], other: frozenset[str], weights: dict[str, float]) -> float:
    return sum(weights[t] for t in one & other) / sum(weights[t] for t in one | other)
