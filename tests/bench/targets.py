"""What the product is held to, and whether a run met it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan

from tests.bench.answers import EMBEDDED, FLOOR, NEW_POSTGRES, POSTGRES, QDRANT, SQLITE, Results
from tests.bench.growth import Ingested, Searched
from tests.bench.startup import Starts


@dataclass(frozen=True)
class Verdict:
    """One target: what was measured against at least or at most ``limit``."""

    what: str
    measured: float
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def row(self) -> str:
        sign = "≥" if self.at_least else "≤"
        told = "not measured" if isnan(self.measured) else "met" if self.met else "**missed**"
        return (
            f"| {self.what} | {sign} {self.limit:g}{self.unit} | "
            f"{self.measured:.3g}{self.unit} | {told} |"
        )


def verdicts(
    results: Results, starts: Starts, ingested: list[Ingested], searched: dict[str, Searched]
) -> Iterator[Verdict]:
    health = results["health"]
    yield from _chats(results)
    for name in (QDRANT, EMBEDDED):
        ratio = health[name].of("p99") / health[FLOOR].of("p99")
        yield Verdict(f"/health p99 under 50 chats over the floor's, {name}", ratio, 2)
    people = results["people"]
    yield Verdict(
        "/health, worst, 50 sign in", people["/health while 50 sign in"].of("worst"), 50, " ms"
    )
    yield Verdict(
        "/health, worst, an ingestion runs", max(i.health_worst for i in ingested), 50, " ms"
    )
    yield Verdict("/health, worst, the UI loads", starts.median("worst_ms"), 50, " ms")
    yield Verdict("First /health over importing FastAPI", starts.ratio, 2.5)
    yield from _memory(results)
    yield from _search(searched)
    largest = max(ingested, key=lambda book: book.chunks)
    yield Verdict(
        f"Ingestion of {largest.book}", largest.per_second, 2000, " chunks/s", at_least=True
    )
    yield Verdict(f"Peak memory of it ({largest.chunks:,} chunks)", largest.peak_mb, 1024, " MB")


def _chats(results: Results) -> Iterator[Verdict]:
    chats, streams = results["chats"], results["streams200"]
    saturated = results["saturation"]
    for name, limit in ((QDRANT, 2), (EMBEDDED, 4)):
        ratio = chats[name].of("per_second") / chats[FLOOR].of("per_second")
        yield Verdict(f"50 chats, throughput over the floor's, {name}", ratio, 0.95, at_least=True)
        ratio = chats[name].of("p50") / chats[FLOOR].of("p50")
        yield Verdict(f"50 chats, p50 over the floor's, {name}", ratio, 1.05)
        yield Verdict(f"CPU per answer, {name}", chats[name].least("cpu_ms"), limit, " ms")
    slow = results["slow chats"]
    ratio = slow[QDRANT].of("per_second") / slow[FLOOR].of("per_second")
    yield Verdict("The same, a streamed answer 1.2 s slower, Qdrant", ratio, 0.95, at_least=True)
    for name, what in (
        (NEW_POSTGRES, "PostgreSQL, a conversation begins"),
        (POSTGRES, "PostgreSQL, one goes on"),
        (SQLITE, "SQLite, one goes on"),
    ):
        more = chats[name].least("cpu_ms") - chats[QDRANT].least("cpu_ms")
        yield Verdict(f"CPU that history adds to an answer ({what})", more, 1.5, " ms")
    ratio = streams[QDRANT].of("first_p95") / streams[FLOOR].of("first_p95")
    yield Verdict("200 streams, first token p95 over the floor's", ratio, 1.2)
    yield Verdict("CPU per stream of 60 tokens", streams[QDRANT].least("cpu_ms"), 4, " ms")
    ratio = saturated[QDRANT].of("per_second") / saturated[FLOOR].of("per_second")
    if saturated[QDRANT].failures:  # the rate of right answers among wrong ones says nothing
        ratio = float("nan")
    yield Verdict("Saturation, throughput over the floor's", ratio, 0.5, at_least=True)


def _memory(results: Results) -> Iterator[Verdict]:
    idle, many = results["idle"][QDRANT], results["most streams"][QDRANT]
    yield Verdict("Memory with the UI and a book", idle.of("rss_mb"), 250, " MB")
    before = results["streams200"][QDRANT].samples[0].rss_mb
    yield Verdict("Memory that 500 streams add", many.of("rss_mb") - before, 60, " MB")


def _search(searched: dict[str, Searched]) -> Iterator[Verdict]:
    sizes = list(searched.items())
    for name, found in sizes:
        more = found.alone.p50 - found.engine
        yield Verdict(f"/api/search above the engine, {name}", more, 1, " ms")
    if len(sizes) > 1:
        ratio = sizes[-1][1].alone.p50 / sizes[0][1].alone.p50
        yield Verdict(f"Search in {sizes[-1][0]} over {sizes[0][0]}", ratio, 3)
