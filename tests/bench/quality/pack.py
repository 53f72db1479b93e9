"""The data pack as books that the product can read in, and the questions about them."""

from __future__ import annotations

import csv
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
csv.field_size_limit(10**9)


@dataclass(frozen=True)
class Book:
    """Files by path. ``ids`` are the documents' names in the relevance judgements."""

    name: str
    files: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)


def books(pack: Path) -> dict[str, Book]:
    """The three books with questions of their own."""
    rust = _unpacked(pack / "scale/rust_book.tar.gz")
    gazebo = _unpacked(pack / "scale/gazebo_docs.tar.gz")
    parts = ("common/", "harmonic/")  # one release: the others repeat it
    return {
        "textbook": Book("textbook", _read(pack / "textbook")),
        "rust": Book("rust", rust),
        "gazebo": Book("gazebo", {p: t for p, t in gazebo.items() if p.startswith(parts)}),
    }


def questions(pack: Path) -> list[dict[str, Any]]:
    """Questions with gold excerpts, each verified to stand in its file, and ones without answer."""
    dev = [q | {"book": "textbook", "split": "dev"} for q in _lines(pack / "textbook_dev_qa.jsonl")]
    own = [*_lines(HERE / "questions.jsonl")]
    beyond = [q | {"answerable": False} for q in _lines(HERE / "beyond.jsonl")]
    for question in dev:
        question["type"] = question["type"].removeprefix("unanswerable_")
    found = books(pack)
    for question in dev + own:
        for group in question["gold"]:
            for item in group:
                text = found[question["book"]].files[item["file"]]
                assert item["excerpt"] in text, (question["id"], item["file"])
    return dev + own + beyond


def scifact(pack: Path) -> tuple[Book, dict[str, str], dict[str, dict[str, int]]]:
    """One file per abstract: its title as heading."""
    files, ids = {}, {}
    for item in _lines(pack / "scifact/corpus.jsonl"):
        title = (item.get("title") or "").strip()
        path = f"{item['_id']}.md"
        files[path] = (f"# {title}\n\n" if title else "") + item["text"].strip() + "\n"
        ids[path] = item["_id"]
    return Book("scifact", files, ids), *_judged(pack / "scifact")


def codebase(pack: Path) -> tuple[Book, dict[str, str], dict[str, dict[str, int]]]:
    """One file per passage: a code block, which is how Markdown holds code."""
    files, ids = {}, {}
    for number, item in enumerate(_lines(pack / "codebase_chunks/corpus.jsonl")):
        path = f"passage-{number}.md"
        files[path] = "```\n" + item["text"].strip("\n") + "\n```\n"
        ids[path] = item["_id"]
    return Book("codebase", files, ids), *_judged(pack / "codebase_chunks")


def chunking(pack: Path) -> tuple[Book, list[dict[str, Any]]]:
    """Five corpora; each question has character ranges in one of them."""
    root = pack / "chunking_evaluation"
    with (root / "questions_df.csv").open(encoding="utf-8") as file:
        rows = [row | {"references": json.loads(row["references"])} for row in csv.DictReader(file)]
    return Book("chunking", _read(root / "corpora")), rows


def _judged(root: Path) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    queries = {item["_id"]: item["text"] for item in _lines(root / "queries.jsonl")}
    judged: dict[str, dict[str, int]] = {}
    for line in (root / "qrels/test.tsv").read_text().splitlines()[1:]:
        query, document, gain = line.split("\t")
        judged.setdefault(query, {})[document] = int(gain)
    return queries, judged


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _read(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*.md"))
    }


def _unpacked(archive: Path) -> dict[str, str]:
    found = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(".md"):
                file = tar.extractfile(member)
                assert file is not None
                found[member.name.removeprefix("./")] = file.read().decode("utf-8", "replace")
    return found
