"""Writes what was measured into docs/benchmarks.md, between two marks, and its plots."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.answers import FLOOR, QDRANT, Results
from tests.bench.growth import Ingested, Searched
from tests.bench.held_up import HeldUp
from tests.bench.plots import bars
from tests.bench.processes import ROOT
from tests.bench.startup import Starts
from tests.bench.targets import verdicts

PAGE = ROOT / "docs" / "benchmarks.md"
PLOTS = ROOT / "docs" / "images"
BEGIN = "<!-- speed: written by make bench -->"
END = "<!-- end of speed -->"
FOREIGN = 0.6
"""Cores taken by others above which a run is called disturbed: doubles and load take about this."""
PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "orjson", "gradio")
SCENES = {
    "chats": "50 chats, any answer complete after 20 + 300 ms, the index 5 ms",
    "slow chats": "50 chats, a whole answer after 300 ms, a streamed one 60 tokens of 20 ms later",
    "streams50": "50 streams of 60 tokens, one every 20 ms",
    "streams200": "200 streams of 60 tokens, one every 20 ms",
    "saturation": "50 chats, upstreams that take no time",
    "health": "/health with one client, beside 50 chats",
    "search": "Search alone, by words and vectors, one client; a Qdrant server takes 5 ms",
    "people": "Accounts, on SQLite (a password costs its 50 ms by design)",
}


@dataclass(frozen=True)
class Outcome:
    """Everything that one run measured."""

    command: str
    seconds: float
    results: Results
    starts: Starts
    ingested: list[Ingested]
    searched: dict[str, Searched]
    held_up: dict[str, HeldUp]

    @property
    def foreign(self) -> float:
        """Cores that others took while chats were measured."""
        return self.results["chats"][QDRANT].of("foreign")


def write(outcome: Outcome, page: Path = PAGE, plots: Path = PLOTS) -> None:
    """Replace the page's own part; everything else on it stays."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    body = "\n".join(render(outcome))
    page.write_text(f"{head}{BEGIN}\n\n{body}\n\n{END}{tail}", encoding="utf-8")
    draw(outcome, plots)


def render(outcome: Outcome) -> Iterator[str]:
    yield from _conditions(outcome)
    yield "### Targets\n"
    yield "| What | Target | Measured | |\n|---|---|---|---|"
    yield from (
        verdict.row()
        for verdict in verdicts(outcome.results, outcome.starts, outcome.ingested, outcome.searched)
    )
    yield "\n### Beside the floor\n"
    yield "![CPU of an answer at 50 chats](images/bench-chats.svg)"
    yield "![CPU of a stream at 200 streams](images/bench-streams200.svg)"
    yield "![Answers per second](images/bench-saturation.svg)"
    yield "![Search in books of three sizes](images/bench-search.svg)\n"
    for scene, title in SCENES.items():
        yield from _table(outcome, scene, title)
    yield from _starts(outcome.starts)
    yield from _grown(outcome)
    yield from _held_up(outcome.held_up)


def _conditions(outcome: Outcome) -> Iterator[str]:
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    yield (
        f"{when}, `{outcome.command}`, {outcome.seconds / 60:.0f} minutes. "
        f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}, "
        f"{packages}.\n"
    )
    others = f"{outcome.foreign:.1f} cores were taken by others, doubles included"
    if outcome.foreign > FOREIGN:
        yield (
            f"**The machine was not quiet**: {others}. Latencies and throughput suffer from that, "
            "CPU times less, ratios of the same moment least.\n"
        )
    else:
        yield f"The machine was quiet: {others}.\n"


def _table(outcome: Outcome, scene: str, title: str) -> Iterator[str]:
    yield f"{title}:\n"
    yield "| | /s | CPU ms each | p50 ms | p99 ms | first token p95 ms | memory MB | wrong |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, series in outcome.results[scene].items():
        first = series.of("first_p95")
        yield (
            f"| {name} | {series.of('per_second'):.0f} | {series.least('cpu_ms'):.2f} | "
            f"{series.of('p50'):.1f} | {series.of('p99'):.1f} | "
            f"{f'{first:.0f}' if first == first else ''} | {series.of('rss_mb'):.0f} | "
            f"{sum(series.failures.values())} |"
        )
    yield ""
    for name, series in outcome.results[scene].items():
        for reason, count in series.failures.items():
            yield f"- wrong, {name}: {count} times `{reason[:120].replace('`', '')}`\n"


def _starts(starts: Starts) -> Iterator[str]:
    yield "### Cold start\n"
    yield (
        f"First /health after {min(starts.health):.2f} s at best and {starts.median('health'):.2f} "
        f"s in the median of {len(starts.health)}, importing FastAPI alone takes "
        f"{min(starts.fastapi):.2f} s at best; the UI is there after {starts.median('ui'):.1f} s.\n"
    )


def _grown(outcome: Outcome) -> Iterator[str]:
    yield "### A growing book\n"
    yield "Read in without embeddings, while the UI loads beside it:\n"
    yield "| Book | documents | chunks | s | chunks/s | peak MB | /health p99 ms | worst ms |"
    yield "|---|---|---|---|---|---|---|---|"
    for book in outcome.ingested:
        yield (
            f"| {book.book} | {book.documents} | {book.chunks} | {book.seconds:.1f} | "
            f"{book.per_second:.0f} | {book.peak_mb:.0f} | {book.health_p99:.1f} | "
            f"{book.health_worst:.1f} |"
        )
    yield (
        "\nSearched through `/api/search` on the embedded index, by words. The engine alone, in a "
        "process of its own, is asked the same as often as the service was, and once more without "
        "pauses:\n"
    )
    yield "| Book | engine, p50 ms | without pauses | p50 ms | p99 ms | CPU ms | 8 clients, /s |"
    yield "|---|---|---|---|---|---|---|"
    for name, found in outcome.searched.items():
        yield (
            f"| {name} | {found.engine:.2f} | {found.engine_busy:.2f} | "
            f"{found.alone.p50:.2f} | {found.alone.p99:.2f} | {found.alone.cpu_ms:.2f} | "
            f"{found.many.per_second:.0f} |"
        )
    yield ""


def _held_up(found: dict[str, HeldUp]) -> Iterator[str]:
    if not found:
        return
    yield "### What held up the event loop\n"
    yield "Steps that took more than 5 ms of CPU, as the watchdog at `LOG_LEVEL=DEBUG` tells:\n"
    yield "| While | steps | longest ms | where |\n|---|---|---|---|"
    for scene, held in found.items():
        places = "; ".join(f"`{p}` {n}×, {worst:.0f} ms" for p, n, worst in held.places)
        yield f"| {scene} | {held.steps} | {held.longest:.0f} | {places} |"


def draw(outcome: Outcome, folder: Path) -> None:
    """CPU per answer and per stream, memory, and search over the size of the book."""
    results = outcome.results
    for scene, target in (("chats", 2.0), ("streams200", 4.0)):
        rows = [(name, series.least("cpu_ms")) for name, series in results[scene].items()]
        bars(folder / f"bench-{scene}.svg", SCENES[scene], "CPU ms each", rows, target=target)
    rate = [(name, s.of("per_second")) for name, s in results["saturation"].items()]
    half = results["saturation"][FLOOR].of("per_second") / 2
    title = SCENES["saturation"]
    bars(folder / "bench-saturation.svg", title, "answers per second", rate, target=round(half))
    sizes = [(name, found.alone.p50) for name, found in outcome.searched.items()]
    bars(folder / "bench-search.svg", "Search on the embedded index", "p50 ms", sizes)
