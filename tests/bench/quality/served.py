"""The product as its users have it: a process of its own, asked over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.quality.pack import Book

ROOT = Path(__file__).parents[3]
PATIENCE_S = 3_600.0
RETRY_S = 60.0


class Served:
    """A running product that has read in a book."""

    def __init__(self, base: str) -> None:
        self.base = base

    def search(self, query: str, limit: int = 10, **more: Any) -> Any:
        return self.ask("/api/search", {"query": query, "limit": limit, **more})

    def chat(self, query: str, **more: Any) -> Any:
        return self.ask("/chat", {"query": query, **more})

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data=data, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=120) as reply:
            return json.load(reply)


@contextmanager
def served(book: Book, **variables: str) -> Iterator[Served]:
    """Serve the product with this book until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        docs = Path(folder, "docs")
        for path, text in book.files.items():
            (docs / path).parent.mkdir(parents=True, exist_ok=True)
            (docs / path).write_text(text, encoding="utf-8")
        environment = {
            "PATH": os.environ["PATH"], "DOCS_PATH": str(docs), "DATA_DIR": f"{folder}/data",
            "HOST": "127.0.0.1", "PORT": str(free_port()), "LOG_LEVEL": "ERROR",
            "RATE_LIMIT_CHAT": "1000000/minute", "BOOK_TITLE": book.name, **variables,
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
        )
        product = Served(f"http://127.0.0.1:{environment['PORT']}")
        try:
            _wait(product, process, len(book.files))
            yield product
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(product: Served, process: subprocess.Popen[bytes], files: int) -> None:
    """Until every file is listed with its hash.

    A model on two cores may be too slow for the product's patience with an embedding server; what
    it has embedded is in its file by the next attempt.
    """
    until = time.monotonic() + PATIENCE_S
    again = time.monotonic() + RETRY_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the product ended with {process.returncode}")
        try:
            if _read_in(product) >= files - files // 50:  # a few files may have no content
                return
            if time.monotonic() >= again:
                product.ask("/ingest", {})  # the running one, if one runs
                again = time.monotonic() + RETRY_S
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(1)
    raise TimeoutError("the product did not read the book in")


def _read_in(product: Served) -> int:
    found, offset = 0, 0
    while True:
        page = product.ask(f"/api/documents?limit=100&offset={offset}")["documents"]
        found += sum(bool(item["content_hash"]) for item in page)
        if len(page) < 100:
            return found
        offset += 100
