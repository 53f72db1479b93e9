"""Figures of a ranking and of an answer, as trec_eval and the chunking evaluation define them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_WORD = re.compile(r"\w+")
BUDGET = 4_000


def ndcg(run: Sequence[str], relevant: Mapping[str, int], at: int) -> float:
    gains = [relevant.get(document, 0) for document in run[:at]]
    ideal = sorted(relevant.values(), reverse=True)[:at]
    return _dcg(gains) / _dcg(ideal) if any(ideal) else 0.0


def recall(run: Sequence[str], relevant: Mapping[str, int], at: int) -> float:
    wanted = {document for document, gain in relevant.items() if gain > 0}
    return len(wanted & set(run[:at])) / len(wanted) if wanted else 0.0


def _dcg(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 2) for rank, gain in enumerate(gains))


def ranking(runs: Mapping[str, Sequence[str]], qrels: Mapping[str, Mapping[str, int]]) -> Any:
    """Means over all queries of ``qrels``."""
    names = {
        "nDCG@10": (ndcg, 10),
        "R@5": (recall, 5),
        "R@10": (recall, 10),
        "R@100": (recall, 100),
    }
    return {
        name: mean(measure(runs.get(q, []), qrels[q], at) for q in qrels)
        for name, (measure, at) in names.items()
    }


def mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else math.nan


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def coverage(excerpt: str, texts: Sequence[str]) -> float:
    """Share of the excerpt's runs of four words that stand in any of the texts."""
    wanted = words(excerpt)
    size = min(4, len(wanted))
    if not size:
        return 0.0
    runs = [tuple(wanted[i : i + size]) for i in range(len(wanted) - size + 1)]
    held = set()
    for text in texts:
        found = words(text)
        held |= {tuple(found[i : i + size]) for i in range(len(found) - size + 1)}
    return sum(run in held for run in runs) / len(runs)


def excerpts(question: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """How much of a question's gold the results hold, and whether the first one is right."""
    top, used, budget = [hit["text"] for hit in results[:5]], 0, []
    for hit in results:
        if used >= BUDGET:
            break
        budget.append(hit["text"][: BUDGET - used])
        used += len(budget[-1])
    gold = question["gold"]
    first = results[:1]
    right = bool(first) and first[0]["source"] in gold_files(question)
    best = max(coverage(a["excerpt"], [h["text"] for h in first]) for g in gold for a in g)
    return {
        "recall@5": mean(max(coverage(a["excerpt"], top) for a in group) for group in gold),
        "recall@4000": mean(max(coverage(a["excerpt"], budget) for a in group) for group in gold),
        "hit@1": float(right and best >= 0.5),
        "source@1": float(right),
    }


def gold_files(question: Mapping[str, Any]) -> set[str]:
    return {alternative["file"] for group in question["gold"] for alternative in group}


def spans(
    reference: Sequence[tuple[int, int]], found: Sequence[tuple[int, int]], total: int
) -> Any:
    """Recall and precision of character ranges; ``total`` counts what was returned."""
    wanted = set().union(*(range(a, b) for a, b in reference))
    held = set().union(*(range(a, b) for a, b in found)) & wanted
    return len(held) / len(wanted), len(held) / max(1, total)
