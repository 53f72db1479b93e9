"""Measures the answers: the product's modes, the naive way and published figures side by side.

    python -m tests.bench.quality --pack PACK [--minilm-python PYTHON] [--only books scifact ...]

Without ``--minilm-python`` only the mode without embeddings is measured. ``--no-naive`` leaves out
the naive way, which no change of the product alters and whose vectors take the longest to make.
Results are printed and, with ``--save``, kept as JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.quality import pack, tasks
from tests.bench.quality.injection import injecting
from tests.bench.quality.metrics import mean
from tests.bench.quality.minilm_server import DIMENSIONS, MODEL
from tests.bench.quality.naive import Naive, warm
from tests.bench.quality.served import ROOT, free_port, served

PUBLISHED = {
    "scifact": {
        "BM25, Anserini": {"nDCG@10": 0.679, "R@100": 0.925},
        "all-MiniLM-L6-v2, MTEB": {"nDCG@10": 0.645, "R@10": 0.783, "R@100": 0.925},
        "text-embedding-3-small, MTEB": {"nDCG@10": 0.734},
    },
    "codebase": {"Voyage-2 + contextual embeddings + BM25": {"R@5": 0.864, "R@10": 0.932}},
    "chunking": {
        "LLM chunker, text-embedding-3-large": {"recall": 0.919, "precision": 0.039},
        "Cluster 200, text-embedding-3-large": {"recall": 0.873, "precision": 0.080},
    },
}
PARTS = ("books", "injected", "scifact", "codebase", "chunking")
ALWAYS = {"SCORE_THRESHOLD": "0"}
"""Rankings are measured on every question, the refused ones too."""


def main() -> None:
    """Run the tasks that were asked for."""
    parser = argparse.ArgumentParser(prog="tests.bench.quality", description=__doc__)
    parser.add_argument("--pack", type=Path, required=True, help="folder of the data pack")
    parser.add_argument("--minilm-python", help="interpreter with torch, sentence-transformers, gt")
    parser.add_argument("--cache", type=Path, default=ROOT / ".venv-minilm/vectors.sqlite3")
    parser.add_argument("--only", nargs="*", default=list(PARTS))
    parser.add_argument("--no-naive", dest="naive", action="store_false")
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    report: dict[str, Any] = {}
    with minilm(options.minilm_python, options.cache) as url:
        modes = {"sparse only": {}} | ({"hybrid, MiniLM": _variables(url)} if url else {})
        for name in options.only:
            started = time.monotonic()
            run = {"books": books, "injected": injected}.get(name, _judged)
            report[name] = run(name, options.pack, modes, url, options.naive)
            _show(name, report[name], time.monotonic() - started)
    if options.save:
        options.save.write_text(json.dumps(report, indent=1))


def _judged(name: str, root: Path, modes: Mapping[str, Any], url: str | None, naive: bool) -> Any:
    rows: dict[str, Any] = {}
    if name == "chunking":
        book, questions = pack.chunking(root)
        measure = lambda search: tasks.chunked(search, book, questions)  # noqa: E731
    else:
        book, queries, qrels = (pack.scifact if name == "scifact" else pack.codebase)(root)
        measure = lambda search: tasks.judged(search, book, queries, qrels)  # noqa: E731
    if url:
        warm(url, book)
    for mode, variables in modes.items():
        with served(book, **ALWAYS, **variables) as product:
            rows[mode] = measure(product.search)
        _told(name, mode, rows[mode])
    if url and naive:
        rows["naive, MiniLM"] = measure(Naive(book, url).search)
    return rows | PUBLISHED[name]


def books(name: str, root: Path, modes: Mapping[str, Any], url: str | None, naive: bool) -> Any:
    """Retrieval, answers and refusals over the three books with questions of their own."""
    rows: dict[str, Any] = {}
    for book in pack.books(root).values():
        asked = [q for q in pack.questions(root) if q.get("book", book.name) == book.name]
        if url:
            warm(url, book)
        for mode, variables in modes.items():
            with served(book, **ALWAYS, **variables) as product:
                _add(rows, mode, tasks.retrieved(product.search, asked))
            with served(book, **variables) as product:
                _add(rows, mode, tasks.answered(product.chat, book, asked))
        if url and naive:
            _add(rows, "naive, MiniLM", tasks.retrieved(Naive(book, url).search, asked))
    return {f"{mode}: {group}": _mean(found) for (mode, group), found in sorted(rows.items())}


def injected(name: str, root: Path, modes: Mapping[str, Any], url: str | None, naive: bool) -> Any:
    """What a model that answers with links, pictures and made-up citations gets through."""
    rows: dict[str, list[Any]] = {}
    for book in pack.books(root).values():
        asked = [q for q in pack.questions(root) if q.get("book", book.name) == book.name]
        with injecting(free_port()) as model, served(book, **ALWAYS, OPENAI_BASE_URL=model) as it:
            for label, found in tasks.injected(it.chat, book, asked).items():
                rows.setdefault(label, []).append(found)
    return {label: _mean(found) for label, found in rows.items()}


def _add(rows: dict[Any, Any], mode: str, groups: Mapping[str, Mapping[str, float]]) -> None:
    for group, figures in groups.items():
        rows.setdefault((mode, group), []).append(figures)


def _mean(parts: list[Mapping[str, float]]) -> dict[str, float]:
    """Means of several books, weighed by their numbers of questions."""
    names = dict.fromkeys(key for part in parts for key in part if key != "n")
    figures = {}
    for name in names:
        held = [part for part in parts if name in part and part[name] == part[name]]
        total = sum(part["n"] for part in held)
        figures[name] = sum(part[name] * part["n"] for part in held) / total if total else mean([])
    return figures | {"n": sum(part["n"] for part in parts if next(iter(names)) in part)}


@contextmanager
def minilm(python: str | None, cache: Path) -> Iterator[str | None]:
    """The address of the embeddings while the block runs; None without an interpreter for them."""
    if python is None:
        yield None
        return
    port = free_port()
    script = Path(__file__).with_name("minilm_server.py")
    cache.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen([python, str(script), str(port), str(cache)])
    try:
        url = f"http://127.0.0.1:{port}/v1"
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{url}/models", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _variables(url: str) -> dict[str, str]:
    return {
        "EMBEDDING_BASE_URL": url,
        "EMBEDDING_API_KEY": "test-key-not-real",
        "EMBEDDING_MODEL": MODEL,
        "EMBEDDING_DIMENSIONS": str(DIMENSIONS),
    }


def _told(name: str, row: str, figures: Mapping[str, float]) -> None:
    """Say a row as soon as it is there: the next one may take a quarter of an hour."""
    found = ", ".join(f"{key} {value:.3f}" for key, value in figures.items())
    sys.stderr.write(f"{name}, {row}: {found}\n")


def _show(name: str, rows: Mapping[str, Mapping[str, float]], seconds: float) -> None:
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    width = max(len(row) for row in rows)
    head = "".join(column.rjust(_wide(column)) for column in columns)
    lines = [f"\n{name} ({seconds:.0f} s)", " " * width + head]
    for label, row in rows.items():
        cells = ((c, f"{row[c]:.3f}" if c in row and row[c] == row[c] else "") for c in columns)
        lines.append(label.ljust(width) + "".join(cell.rjust(_wide(c)) for c, cell in cells))
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _wide(column: str) -> int:
    return max(12, len(column) + 2)


if __name__ == "__main__":
    main()
