"""What grows with the book: ingestion, its memory, and searching."""

from __future__ import annotations

import json
import subprocess
import tarfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.corpus import write_book
from tests.bench.measure import Contender, Sample, measure
from tests.bench.processes import ROOT, python, wait_for
from tests.bench.stage import Server, metrics, product

INGEST_S = 400.0
PAUSE_S = 0.01
"""Between two questions to /health: a client that never waits takes a core from the ingestion."""
UI = "/admin/status"


@dataclass(frozen=True)
class Ingested:
    """One book, read in without embeddings by a fresh service."""

    book: str
    documents: int
    chunks: int
    seconds: float
    peak_mb: float
    health_p99: float
    health_worst: float

    @property
    def per_second(self) -> float:
        return self.chunks / self.seconds


@dataclass(frozen=True)
class Searched:
    """``engine`` is the median of the engine alone, in milliseconds: asked as often as the service
    was, and without pauses (``engine_busy``)."""

    engine: float
    engine_busy: float
    alone: Sample
    many: Sample


def grow(
    folder: Path, sizes: list[int], books: list[Path], seconds: float
) -> tuple[list[Ingested], dict[str, Searched]]:
    """Read every book in; search in it with 1 and with 8 clients."""
    ingested, searched = [], {}
    wanted = [(f"{size:,} made-up chunks", None, size) for size in sizes]
    wanted += [(path.name.split(".")[0], path, 0) for path in books]
    for number, (name, given, size) in enumerate(wanted):
        docs = folder / f"book{number}"
        if given is None:
            write_book(docs, size)
        else:
            docs = _unpacked(given, docs)
        data = folder / f"grown{number}"
        with product(data, docs, indexed=False) as server:
            ingested.append(_watch(name, server))
            if given is None:
                wait_for(server.process, server.port, UI, marker=b'"ready"', limit_s=INGEST_S)
                searched[name] = _search(server, seconds, data)
    return ingested, searched


def _watch(name: str, server: Server) -> Ingested:
    """Wait for the ingestion, asking /health meanwhile."""
    latencies: list[Sample] = []
    ends = time.perf_counter() + INGEST_S
    contender = Contender("health", server, replace(server.health(), pause_s=PAUSE_S))
    while time.perf_counter() < ends:
        latencies.append(measure(contender, clients=1, seconds=0.5))
        gauges = metrics(server)
        if gauges.get("ingest_running") == 0 and gauges.get("ingest_chunks"):
            break
    else:
        raise RuntimeError(f"{name} was not read in within {INGEST_S} s")
    return Ingested(
        book=name,
        documents=int(gauges["ingest_documents"]),
        chunks=int(gauges["ingest_chunks"]),
        seconds=gauges["ingest_seconds"],
        peak_mb=server.process.peak_mb(),
        health_p99=max(sample.p99 for sample in latencies),
        health_worst=max(sample.worst for sample in latencies),
    )


def _search(server: Server, seconds: float, data: Path) -> Searched:
    contender = Contender("search", server, server.search())
    measure(contender, clients=1, seconds=0.5)
    alone = measure(contender, clients=1, seconds=seconds)
    many = measure(contender, clients=8, seconds=seconds)
    server.process.stop()  # the engine's folder has one owner
    answer = subprocess.run(
        python("-m", "tests.bench.engine", str(data), f"{alone.p50}"),
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    engine = json.loads(answer.stdout)
    return Searched(float(engine["median_ms"]), float(engine["busy_ms"]), alone, many)


def _unpacked(path: Path, folder: Path) -> Path:
    if path.is_dir():
        return path
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    return folder
