"""From the command to the first answer, beside what importing FastAPI alone takes."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.processes import free_port, get, python, running, wait_for
from tests.bench.stage import ENTRY

LIMIT_S = 90.0
PROBE_S = 0.01


@dataclass
class Starts:
    """Seconds of every run; ``worst_ms`` are the slowest /health answers until the UI was there."""

    fastapi: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    ui: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    worst_ms: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """First /health over importing FastAPI, the best of each."""
        return min(self.health) / min(self.fastapi)

    def median(self, name: str) -> float:
        return float(statistics.median(getattr(self, name)))


def cold_starts(folder: Path, book: Path, runs: int) -> Starts:
    """Start again and again, with nothing in DATA_DIR and no key; both in turn."""
    found = Starts()
    for number in range(runs):
        found.fastapi.append(_import_fastapi(folder))
        _start(folder / f"start{number}", book, found)
    return found


def _import_fastapi(folder: Path) -> float:
    began = time.perf_counter()
    with running(python("-c", "import fastapi"), folder / "import.log") as process:
        process.wait()
    return time.perf_counter() - began


def _start(folder: Path, book: Path, found: Starts) -> None:
    port = free_port()
    environ = {
        "PORT": f"{port}", "HOST": "127.0.0.1", "DATA_DIR": f"{folder}", "DOCS_PATH": f"{book}",
    }  # fmt: skip
    with running(python(*ENTRY), folder / "product.log", environ) as process:
        found.health.append(wait_for(process, port, "/health", limit_s=LIMIT_S))
        found.cpu.append(process.cpu_s())
        slowest = 0.0
        while time.perf_counter() - process.began < LIMIT_S:
            asked = time.perf_counter()
            get(port, "/health")
            slowest = max(slowest, time.perf_counter() - asked)
            if b'"ready"' in get(port, "/admin/status")[1]:
                break
            time.sleep(PROBE_S)
        found.ui.append(time.perf_counter() - process.began)
        found.worst_ms.append(1000 * slowest)
