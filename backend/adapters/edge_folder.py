"""The folder of the embedded index: who has it, and which of its collections have a graph."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import BinaryIO

LINKED = "linked"
"""A file in a collection's folder with the number of points that its graph was made of."""


class StoreError(Exception):
    """A failure that is told apart by its ``kind``: ``locked``, ``missing``, ``corrupt`` ..."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def take_lock(root: Path) -> BinaryIO:
    """Have the folder, which is made first, until the file is closed.

    Raises:
        StoreError: Another process has it.
        OSError: The folder cannot be made or written.
    """
    root.mkdir(parents=True, exist_ok=True)
    file = (root / "lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise StoreError("locked") from error
    except OSError:
        pass  # a file system without locks: the engine has one of its own
    return file


def linked(folder: Path) -> int:
    """How many points the graph of a collection was made of; 0 without one."""
    try:
        return int((folder / LINKED).read_text())
    except (OSError, ValueError):
        return 0
