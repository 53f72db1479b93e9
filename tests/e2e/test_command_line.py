"""The real process: what somebody sees who starts it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.product import CHAPTERS, write_book

ROOT = Path(__file__).parents[2]


def environment(tmp_path: Path, **variables: str) -> dict[str, str]:
    docs = write_book(tmp_path / "docs")
    defaults = {"DOCS_PATH": str(docs), "DATA_DIR": str(tmp_path / "data"), "HOST": "127.0.0.1"}
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **defaults, **variables}


def run(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", *arguments],
        cwd=ROOT,
        env=environment(tmp_path, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def served(tmp_path: Path, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """The process, its address and its log, once it listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = tmp_path / "log.txt"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment(tmp_path, PORT=str(port), **variables),
            stderr=sink,
            text=True,
        )
    try:
        patience = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < patience:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            os.sched_yield()
        yield process, f"http://127.0.0.1:{port}", log
    finally:
        process.kill()
        process.wait()


def test_check_prints_the_report_and_succeeds_without_any_secret(tmp_path):
    done = run(tmp_path, "--check")
    assert done.returncode == 0, done.stderr
    assert "Qdrant Edge in DATA_DIR (embedded)" in done.stdout
    assert re.search(r"OPENAI_API_KEY\s+Answers are sentences quoted", done.stdout)


def test_check_fails_with_78_and_names_variable_problem_and_fix_but_no_value(tmp_path):
    done = run(tmp_path, "--check", OPENAI_API_KEY="https://canary.invalid/key", PORT="eighty")
    assert done.returncode == 78
    assert "OPENAI_API_KEY" in done.stdout
    assert "PORT" in done.stdout
    assert "Fix:" in done.stdout
    for text in (done.stdout, done.stderr):
        assert "canary" not in text
        assert "eighty" not in text


def test_strict_configuration_refuses_to_start_with_the_same_report(tmp_path):
    done = run(tmp_path, STRICT_CONFIG="true", PORT="eighty")
    assert done.returncode == 78
    assert "not starting" in done.stderr
    assert "It is not a whole number." in done.stderr


def test_ingest_twice_shows_what_was_done(tmp_path):
    first = run(tmp_path, "ingest")
    assert first.returncode == 0, first.stderr
    assert re.search(rf"done: {len(CHAPTERS)} documents, (\d+) chunks: \1 written", first.stdout)
    assert ": 0 written" in run(tmp_path, "ingest").stdout


def test_ingest_fails_where_the_docs_are_not_there(tmp_path):
    done = run(tmp_path, "ingest", DOCS_PATH=str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "DOCS_PATH" in done.stderr
    assert "Traceback" not in done.stderr


async def test_process_serves_answers_and_stops_on_sigterm(tmp_path):
    with served(tmp_path) as (process, address, log):
        async with aiohttp.ClientSession(address) as http:
            async with http.get("/health") as response:
                assert (response.status, await response.json()) == (200, {"status": "healthy"})
            async with http.post("/chat", json={"query": "What is a topic?"}) as response:
                assert (await response.json())["mode"] == "extractive"
            browser = {"Accept": "text/html,application/xhtml+xml"}
            async with http.get("/", headers=browser, allow_redirects=False) as response:
                assert response.status in (302, 303, 307)
                assert response.headers["Location"] == "/admin/"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in (0, -signal.SIGTERM)  # as uvicorn leaves it
        written = log.read_text()
        assert "What runs" in written
        assert "upstream" in written
        assert "Traceback" not in written
        assert "What is a topic?" not in written


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_port_that_is_taken_is_said_in_a_sentence(tmp_path, log_format):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(tmp_path, PORT=port, LOG_FORMAT=log_format)
    assert done.returncode != 0
    assert "address already in use" in done.stderr
    assert "Traceback" not in done.stderr
