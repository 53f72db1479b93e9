"""Fits the weights of the confidence, and says how such weights do on a book they never saw.

    python -m tests.bench.quality.fit --pack PACK --minilm-python PYTHON

A logistic regression on the development questions, kinds weighing the same. The judgement is by
turns: each book's questions by weights from the other two, a far question, which is asked of all
books, also by weights that have not seen it in another book. ``sealed`` questions take no part.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from backend.text.confidence import MAX_NAMES, MAX_SUBJECT_WORDS, Signals, measure
from tests.bench.quality import pack
from tests.bench.quality.__main__ import minilm
from tests.bench.quality.observed import Observed, observe
from tests.bench.quality.served import ROOT

NAMES = (
    "constant", "top_score", "subject_words", "subject_share", "lone_word", "stressed", "unknown",
    "repaired", "unknown_name", "cosine",
)  # fmt: skip
PENALTY = 0.1
"""Of the weights' squares, against three kinds of questions that count a hundred each."""
KINDS = ("answerable", "near", "far")
EVEN = 0.45


class Row(NamedTuple):
    """A question by its signals."""

    seen: Observed
    kind: str
    signals: Signals

    @property
    def features(self) -> list[float]:
        found = self.signals
        return [
            1.0,
            found.top_score,
            min(MAX_SUBJECT_WORDS, found.subject_words) / MAX_SUBJECT_WORDS,
            found.subject_share,
            float(found.is_lone),
            found.stressed,
            found.unknown,
            found.repaired,
            min(MAX_NAMES, found.unknown_names),
            0.0 if found.cosine is None else found.cosine - EVEN,
        ]

    @property
    def fold(self) -> int:
        """Half of the far questions; all others are in both."""
        number = int("".join(filter(str.isdigit, self.seen.asked["id"])))
        return number % 2 if self.kind == "far" else -1


def rows(root: Path, embeddings: str) -> list[Row]:
    """The development questions of all books, with and without embeddings.

    Questions in Urdu cannot be found without a model that translates them, and are left out.
    """
    asked = [q for q in pack.questions(root) if q["split"] != "sealed"]
    found = []
    for book in pack.books(root).values():
        own = [q for q in asked if q.get("book", book.name) == book.name]
        for url in (None, embeddings):
            for seen in observe(book, own, url):
                kind = KINDS[0] if seen.asked["answerable"] else seen.asked["type"]
                if kind != KINDS[0] or seen.asked.get("lang", "en") == "en":
                    found.append(Row(seen, kind, signals(seen)))
    return found


def signals(seen: Observed) -> Signals:
    """What the product measures."""
    return measure(seen.words, seen.question, seen.hits, seen.lexicon, repaired=seen.repaired)


def fitted(found: Sequence[Row]) -> Any:
    """The weights, by Newton's method."""
    share = {kind: 100 / sum(row.kind == kind for row in found) for kind in KINDS}
    matrix = np.array([row.features for row in found])
    treated = np.array([row.kind == KINDS[0] for row in found], float)
    shares = np.array([share[row.kind] for row in found])
    shrink = PENALTY * len(found) / 100 * np.eye(len(NAMES))
    shrink[0, 0] = 1e-6
    weights = np.zeros(len(NAMES))
    for _ in range(50):
        sure = chances(matrix, weights)
        slope = matrix.T @ (shares * (treated - sure)) - shrink @ weights
        curve = (matrix.T * (shares * sure * (1 - sure))) @ matrix + shrink
        weights += np.linalg.solve(curve, slope)
    return weights


def by_turns(found: Sequence[Row]) -> Any:
    """Each question's chance by weights of other books."""
    matrix = np.array([row.features for row in found])
    total, times = np.zeros(len(found)), np.zeros(len(found))
    for book in {row.seen.book for row in found}:
        for fold in (0, 1):
            others = [r for r in found if r.seen.book != book and r.fold in (-1, 1 - fold)]
            own = np.array([r.seen.book == book and r.fold in (-1, fold) for r in found])
            total[own] += chances(matrix[own], fitted(others))
            times[own] += 1
    return total / times


def chances(matrix: Any, weights: Any) -> Any:
    """Logistic function of the weighted sums."""
    return 1 / (1 + np.exp(-np.clip(matrix @ weights, -30, 30)))


def refused(found: Sequence[Row], sure: Any, threshold: float) -> str:
    """Shares refused of each kind, without and with embeddings."""
    said = []
    for dense in (False, True):
        for kind in KINDS:
            own = np.array([r.kind == kind and r.seen.dense == dense for r in found])
            said.append(f"{kind} {np.mean(sure[own] < threshold):.3f}")
    return ", ".join(said[:3]) + " | hybrid: " + ", ".join(said[3:])


def main() -> None:
    """Print weights and shares refused."""
    parser = argparse.ArgumentParser(prog="tests.bench.quality.fit", description=__doc__)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--minilm-python", required=True)
    parser.add_argument("--cache", type=Path, default=ROOT / ".venv-minilm/vectors.sqlite3")
    options = parser.parse_args()
    with minilm(options.minilm_python, options.cache) as url:
        assert url is not None
        found = rows(options.pack, url)
    weights, turns = fitted(found), by_turns(found)
    lines = [f"{name} {weight:.2f}" for name, weight in zip(NAMES, weights, strict=True)]
    for threshold in (0.35, 0.4, 0.45, 0.5):
        shift = np.log(threshold / (1 - threshold))
        lines.append(f"by turns at {threshold} (constant {weights[0] - shift:.2f} for 0.5): ")
        lines[-1] += refused(found, turns, threshold)
        whole = chances(np.array([row.features for row in found]), weights)
        lines.append(f"  all weights at {threshold}: {refused(found, whole, threshold)}")
    product = np.array([row.signals.confidence for row in found])
    lines.append(f"product: {refused(found, product, 0.5)}")
    for row, chance in zip(found, product, strict=True):
        if (chance >= 0.5) != (row.kind == KINDS[0]):
            mode = "hybrid" if row.seen.dense else "sparse"
            lines.append(f"  {row.kind} {mode} {row.seen.book} {row.seen.asked['question']}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
