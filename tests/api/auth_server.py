"""Starts servers for tests that need a real one: the account routes, or a genuine Better Auth."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CLIENTS = ROOT / "tests" / "clients"
_START_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def python_server(
    folder: Path, origin: str, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """The account routes of this service; yields the port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.api.auth_app", str(port), str(folder), origin]
    with _running(command, ROOT, port, environment or {}, folder / "python.log"):
        yield port


@contextmanager
def genuine_server(folder: Path, database: str, origin: str, secret: str) -> Iterator[int]:
    """A genuine Better Auth server; yields the port."""
    port = free_port()
    command = ["node", "server.mjs", str(port), database, origin]
    with _running(command, CLIENTS, port, {"TEST_SECRET": secret}, folder / "node.log"):
        yield port


def install_clients() -> None:
    """Install the JavaScript packages if they are not there."""
    if not all((CLIENTS / "node_modules" / name).is_dir() for name in ("better-auth", "esbuild")):
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=CLIENTS, check=True)


@contextmanager
def _running(
    command: Sequence[str], folder: Path, port: int, environment: Mapping[str, str], log: Path
) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": os.environ["PATH"], **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}/api/auth/ok", log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")
