"""What stands while something is measured: doubles, the floor, the product with a book read in."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.corpus import question
from tests.bench.load import Ask, request
from tests.bench.processes import Process, free_port, get, python, running, wait_for

ENTRY = ("app.py",)
UNLIMITED = "1000000/minute"
START_S = 240.0
LAST = b"[1]"
FIRST = b"word0"
PREFIX = "book_answers_"


@dataclass(frozen=True)
class Server:
    """A running server and where it listens."""

    process: Process
    port: int

    def chat(self, begun: Sequence[str] = ()) -> Ask:
        """Questions, in one of these conversations each if there are any."""
        return Ask(self.port, lambda n: _question("/chat", n, begun), must=LAST)

    def stream(self) -> Ask:
        return Ask(self.port, lambda n: _question("/chat/stream", n), must=LAST, first=FIRST)

    def search(self) -> Ask:
        return Ask(self.port, lambda n: _question("/api/search", n), must=b'"results":[{')

    def health(self) -> Ask:
        return Ask(self.port, lambda n: request("GET", "/health"), must=b"healthy")


@dataclass(frozen=True)
class Upstreams:
    """Addresses of the doubles."""

    openai: str
    qdrant: str

    def speed(self, *, embed_ms: float, chat_ms: float, token_ms: float, search_ms: float) -> None:
        """Change the latencies while they run."""
        models = {"embed_ms": embed_ms, "chat_ms": chat_ms, "token_ms": token_ms}
        for url, values in ((self.openai, models), (self.qdrant, {"search_ms": search_ms})):
            parts = urlsplit(url)
            connection = HTTPConnection(str(parts.hostname), parts.port, timeout=10)
            connection.request("POST", "/speed", json.dumps(values))
            connection.getresponse().read()
            connection.close()

    @property
    def model(self) -> dict[str, str]:
        return {"OPENAI_API_KEY": "test-key-not-real", "OPENAI_BASE_URL": self.openai}

    @property
    def store(self) -> dict[str, str]:
        return {"QDRANT_URL": self.qdrant, "QDRANT_COLLECTION_NAME": "bench"}


@contextlib.contextmanager
def upstreams(
    log: Path, *, embed_ms: float = 20, chat_ms: float = 300, token_ms: float = 20,
    search_ms: float = 5,
) -> Iterator[Upstreams]:  # fmt: skip
    """Doubles of OpenAI and Qdrant with these latencies."""
    openai, qdrant = free_port(), free_port()
    speeds = ("--embed-ms", f"{embed_ms}", "--chat-ms", f"{chat_ms}", "--token-ms", f"{token_ms}")
    models = python("-m", "tests.bench.doubles.openai", "--port", f"{openai}", *speeds)
    store = python(
        "-m", "tests.bench.doubles.qdrant", "--port", f"{qdrant}", "--search-ms", f"{search_ms}"
    )
    with running(models, log) as first, running(store, log) as second:
        wait_for(first, openai, "/v1/models", limit_s=20)
        wait_for(second, qdrant, "/collections", limit_s=20)
        yield Upstreams(f"http://127.0.0.1:{openai}/v1", f"http://127.0.0.1:{qdrant}")


@contextlib.contextmanager
def floor(log: Path, where: Upstreams) -> Iterator[Server]:
    port = free_port()
    command = python(
        "-m", "uvicorn", "tests.bench.floor:app", "--port", f"{port}", "--loop", "uvloop",
        "--http", "httptools", "--no-access-log", "--log-level", "warning",
    )  # fmt: skip
    environ = {"FLOOR_OPENAI": where.openai, "FLOOR_QDRANT": where.qdrant}
    with running(command, log, environ) as process:
        wait_for(process, port, "/health", limit_s=20)
        yield Server(process, port)


@contextlib.contextmanager
def product(
    folder: Path, docs: Path, environ: dict[str, str] | None = None, *, indexed: bool = True
) -> Iterator[Server]:
    """``python app.py`` with its data in ``folder``; with the book read in and the UI loaded."""
    port = free_port()
    given = {
        "PORT": f"{port}", "HOST": "127.0.0.1", "DATA_DIR": f"{folder}", "DOCS_PATH": f"{docs}",
        "SCORE_THRESHOLD": "0", "RATE_LIMIT_CHAT": UNLIMITED, "LOG_FORMAT": "json",
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "product.log"
    with running(python(*ENTRY), log, given | (environ or {})) as process:
        wait_for(process, port, "/health", limit_s=60)
        server = Server(process, port)
        if indexed:
            wait_indexed(server)
            wait_for(process, port, "/admin/status", marker=b'"ready"', limit_s=60)
            time.sleep(0.5)
        yield server


def wait_indexed(server: Server, limit_s: float = START_S) -> dict[str, float]:
    """The gauges of the first ingestion once it has ended."""
    ends = time.perf_counter() + limit_s
    while time.perf_counter() < ends:
        server.process.require_running()
        gauges = metrics(server)
        if gauges.get("ingest_running") == 0 and "ingest_documents" in gauges:
            if gauges["ingest_errors"] or not gauges["ingest_chunks"]:
                raise RuntimeError(f"the ingestion failed: {gauges}")
            return gauges
        time.sleep(0.1)
    raise RuntimeError("the book was not read in")


def metrics(server: Server) -> dict[str, float]:
    """The gauges of /metrics without their prefix."""
    _, body = get(server.port, "/metrics")
    found = {}
    for line in body.decode(errors="replace").splitlines():
        name, _, value = line.rpartition(" ")
        if name and not line.startswith("#") and "{" not in name:
            with contextlib.suppress(ValueError):
                found[name.removeprefix(PREFIX)] = float(value)
    return found


def _question(path: str, number: int, begun: Sequence[str] = ()) -> bytes:
    body = {"query": question(number)}
    if begun:
        body["session_id"] = begun[number % len(begun)]
    return request("POST", path, json.dumps(body).encode())
