"""The machine below the service: clock, versions, memory, disk. Blocking; for a thread."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path

from backend.clock import utc_now

PACKAGES = (
    "fastapi", "starlette", "uvicorn", "gradio", "openai", "qdrant-client", "qdrant-edge-py",
    "pybreaker", "SQLAlchemy", "psycopg2-binary",
)  # fmt: skip
_STATUS = Path("/proc/self/status")
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_NO_LIMIT = 1 << 60
_BLOCK = 512  # bytes, whatever the file system's own size is
_MAX_FILES = 50_000
_STARTED = time.monotonic()


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Bytes and seconds; None where the machine does not tell."""

    now: datetime
    uptime_s: float
    python: str
    system: str
    versions: tuple[tuple[str, str], ...]
    memory_bytes: int | None
    memory_limit_bytes: int | None
    disk_free_bytes: int | None
    disk_total_bytes: int | None
    data_bytes: int


def host_facts(data_dir: Path, packages: Sequence[str] = PACKAGES) -> HostFacts:
    """The facts of this moment; ``data_bytes`` is what lies in DATA_DIR."""
    disk = _disk(data_dir)
    return HostFacts(
        now=utc_now(),
        uptime_s=time.monotonic() - _STARTED,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}, {os.cpu_count() or 1} cores",
        versions=tuple((name, _version(name)) for name in packages),
        memory_bytes=_memory(),
        memory_limit_bytes=_memory_limit(),
        disk_free_bytes=disk[0],
        disk_total_bytes=disk[1],
        data_bytes=folder_bytes(data_dir),
    )


def folder_bytes(folder: Path) -> int:
    """What the files below a folder take of the disk: the engine's are mostly holes.

    A folder that is not there takes nothing.
    """
    total = 0
    for number, (root, _, names) in enumerate(os.walk(folder)):
        if number > _MAX_FILES:
            break
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_blocks * _BLOCK
            except OSError:  # gone in the meantime
                continue
    return total


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _memory() -> int | None:
    """Resident memory of this process, as Linux tells it."""
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return None


def _memory_limit() -> int | None:
    for file in _LIMITS:
        try:
            text = file.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdecimal() and int(text) < _NO_LIMIT:
            return int(text)
    return None


def _disk(folder: Path) -> tuple[int | None, int | None]:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None, None
    return usage.free, usage.total
