"""Starting what is measured, and reading what it costs from the kernel's books (Linux)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A process group that ends with the block it was started for."""

    def __init__(
        self, command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.began = time.perf_counter()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "HOME": str(log.parent), **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._log = log

    def require_running(self) -> None:
        if self._process.poll() is not None:
            tail = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"a process ended with {self._process.returncode}:\n{tail}")

    def wait(self) -> None:
        self._process.wait()

    def stop(self) -> None:
        if self._process.poll() is not None:
            return
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def cpu_s(self) -> float:
        """CPU seconds of the process and its living descendants, in nanoseconds' resolution."""
        return sum(_scheduled_ns(pid) for pid in _tree(self.pid)) / 1e9

    def rss_mb(self) -> float:
        """Resident memory of the process and its descendants; shared pages count in each."""
        return sum(_status_kb(pid, "VmRSS") for pid in _tree(self.pid)) / 1024

    def peak_mb(self) -> float:
        """The sum of each one's own peak: an upper bound."""
        return sum(_status_kb(pid, "VmHWM") for pid in _tree(self.pid)) / 1024

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[Process]:
    process = Process(command, log, environ)
    try:
        yield process
    finally:
        process.stop()


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def wait_for(
    process: Process, port: int, path: str, *, marker: bytes = b"", limit_s: float
) -> float:
    """Seconds from the process' start to the first 200 whose body holds ``marker``."""
    while time.perf_counter() - process.began < limit_s:
        process.require_running()
        status, body = get(port, path)
        if status == 200 and marker in body:
            return time.perf_counter() - process.began
        time.sleep(0.005 if status == 0 else 0.02)
    raise RuntimeError(f"{path} was not there within {limit_s} s")


def get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body; status 0 where nobody answers."""
    data = b""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.settimeout(10)
            head = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n"
            connection.sendall(head.encode())
            while part := connection.recv(65536):
                data += part
    except OSError:
        return 0, data
    head, _, body = data.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    return (int(words[1]) if len(words) > 1 else 0), body


def busy_s() -> float:
    """CPU seconds that the whole machine has spent."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / _TICK


def own_cpu_s() -> float:
    return _scheduled_ns(os.getpid()) / 1e9


def _scheduled_ns(pid: int) -> int:
    total = 0
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
    return total


def _status_kb(pid: int, field: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
    return 0


def _tree(pid: int) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{current}/task"):
                children = Path(f"/proc/{current}/task/{thread}/children").read_text().split()
                waiting += map(int, children)
    return found
