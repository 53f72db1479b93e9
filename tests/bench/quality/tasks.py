"""What is measured: each task asks a product (or the naive stand-in) and returns its figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.bench.quality.injection import faults
from tests.bench.quality.metrics import coverage, excerpts, gold_files, mean, ranking, spans
from tests.bench.quality.pack import Book

Search = Callable[..., Any]
Figures = dict[str, float]
AT_ONCE = 4
_MARK = re.compile(r"\[(\d+)\]")


def judged(
    search: Search, book: Book, queries: Mapping[str, str], qrels: Mapping[str, Mapping[str, int]]
) -> Figures:
    """Ranking of documents, each by its best chunk."""

    def run(query: str) -> list[str]:
        found = search(queries[query], limit=100)["results"]
        return list(dict.fromkeys(book.ids[hit["source"]] for hit in found))

    names = sorted(qrels)
    return ranking(dict(zip(names, _each(run, names), strict=True)), qrels)


def chunked(search: Search, book: Book, rows: Sequence[Mapping[str, Any]]) -> Figures:
    """Character recall and precision of five results."""

    def run(row: Mapping[str, Any]) -> tuple[float, float]:
        path = f"{row['corpus_id']}.md"
        text, total, found = book.files[path], 0, []
        for hit in search(row["question"], limit=5)["results"][:5]:
            total += len(hit["text"])
            if hit["source"] == path and (at := text.find(hit["text"])) >= 0:
                found.append((at, at + len(hit["text"])))
        gold = [(item["start_index"], item["end_index"]) for item in row["references"]]
        return spans(gold, found, total)

    figures = _each(run, rows)
    return {"recall": mean(r for r, _ in figures), "precision": mean(p for _, p in figures)}


def retrieved(search: Search, questions: Sequence[Mapping[str, Any]]) -> dict[str, Figures]:
    """Excerpts found, by split and by kind of question."""

    def run(question: Mapping[str, Any]) -> Figures:
        selected = {k: v for k, v in question.items() if k == "selected_text"}
        return excerpts(question, search(question["question"], limit=10, **selected)["results"])

    answerable = [q for q in questions if q["answerable"]]
    return _grouped(answerable, _each(run, answerable))


def answered(
    chat: Search, book: Book, questions: Sequence[Mapping[str, Any]]
) -> dict[str, Figures]:
    """What became of each question: refused or not, and how good its citations are."""

    def run(question: Mapping[str, Any]) -> Figures:
        selected = {k: v for k, v in question.items() if k == "selected_text"}
        answer = chat(question["question"], **selected)
        figures = {"refused": float(answer["mode"] == "refused")}
        cited = answer["citations"]
        figures["verbatim"] = mean(c["quote"] in book.files[c["source"]] for c in cited)
        marks = {int(number) for number in _MARK.findall(_without_code(answer["response"]))}
        figures["marks"] = float(marks == {c["n"] for c in cited})
        if question["answerable"] and answer["mode"] != "refused":
            gold = [a["excerpt"] for group in question["gold"] for a in group]
            figures["source cited"] = float(any(c["source"] in gold_files(question) for c in cited))
            figures["cites gold"] = mean(
                any(coverage(g, [c["quote"]]) >= 0.5 or c["quote"] in g for g in gold)
                for c in cited
            )
            figures["characters"] = float(len(answer["response"]))
        return figures

    return _grouped(questions, _each(run, questions))


def _without_code(text: str) -> str:
    return re.sub(r"(?ms)^(```|~~~).*?^\1\s*$|`[^`\n]*`", "", text)


def _each(run: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, items))


def _grouped(
    questions: Sequence[Mapping[str, Any]], figures: Sequence[Figures]
) -> dict[str, Figures]:
    groups: dict[str, list[Figures]] = {}
    for question, found in zip(questions, figures, strict=True):
        for name in _groups_of(question):
            groups.setdefault(name, []).append(found)
    return {
        name: {
            key: mean(f[key] for f in found if key in f)
            for key in dict.fromkeys(key for f in found for key in f)
        } | {"n": float(len(found))}
        for name, found in groups.items()
    }  # fmt: skip


def _groups_of(question: Mapping[str, Any]) -> list[str]:
    """The rows that a question counts in; sealed ones and two-sided ones only in their own."""
    kind, split = question["type"], question["split"]
    apart = [f"split {split}"] if question["answerable"] else [f"{kind} {split}"]
    if split in ("sealed", "sides"):
        return apart
    if not question["answerable"]:
        return [f"kind {kind}", *apart]
    in_english = ["answerable in English"] * (question.get("lang", "en") == "en")
    return [f"kind {kind}", *apart, "all answerable", *in_english]


def injected(
    chat: Search, book: Book, questions: Sequence[Mapping[str, Any]]
) -> dict[str, Figures]:
    """What is left of a hostile model's answers: shares of answers with each fault."""

    def run(question: Mapping[str, Any]) -> Figures:
        selected = {k: v for k, v in question.items() if k == "selected_text"}
        answer = chat(question["question"], **selected)
        return faults(answer, book.files) | {"generated": float(answer["mode"] == "generated")}

    answerable = [q for q in questions if q["answerable"]]
    figures = _each(run, answerable)
    names = dict.fromkeys(name for found in figures for name in found)
    means = {name: mean(found[name] for found in figures) for name in names}
    return {"answerable": means | {"n": float(len(figures))}}
