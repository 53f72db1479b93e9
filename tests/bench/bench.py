"""The bench: ``make bench``, short with ``QUICK=1``, with more books by ``BOOKS="folder x"``.

Everything runs on loopback against doubles, in a temporary folder, and ends with the run. A full
run writes docs/benchmarks.md; a quick one only prints.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import report
from tests.bench.answers import Effort, measure_answers
from tests.bench.corpus import write_book
from tests.bench.growth import grow
from tests.bench.held_up import held_up
from tests.bench.startup import cold_starts

CHUNKS = 400
FULL_SIZES, QUICK_SIZES = [1_000, 10_000, 100_000], [1_000]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="once and short; writes nothing")
    parser.add_argument("--books", nargs="*", type=Path, default=[], help="folders or archives")
    options = parser.parse_args()
    # without this a killed bench would leave its servers behind
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="book-answers-bench-") as folder:
        outcome = run(Path(folder), options.quick, options.books)
    sys.stdout.write("\n".join(report.render(outcome)) + "\n")
    if not options.quick:
        report.write(outcome)
    return 0


def run(folder: Path, quick: bool, books: list[Path]) -> report.Outcome:
    began = time.perf_counter()
    effort = Effort(1.0, repetitions=1, most_streams=200, accounts=10) if quick else Effort()
    book = write_book(folder / "book", CHUNKS)
    _say("questions", began)
    results = measure_answers(folder, book, effort)
    _say("cold starts", began)
    starts = cold_starts(folder, book, 1 if quick else 4)
    _say("growing books", began)
    sizes = QUICK_SIZES if quick else FULL_SIZES
    ingested, searched = grow(folder, sizes, books, effort.seconds / 2)
    _say("the event loop", began)
    steps = {} if quick else held_up(folder, book, effort.seconds)
    return report.Outcome(
        "make bench QUICK=1" if quick else "make bench",
        time.perf_counter() - began, results, starts, ingested, searched, steps,
    )  # fmt: skip


def _say(what: str, began: float) -> None:
    sys.stderr.write(f"{time.perf_counter() - began:6.0f} s  {what}\n")


if __name__ == "__main__":
    sys.exit(main())
