"""The UI's own files: read once, named by their content so that browsers may keep them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "assets"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@cache
def text(name: str) -> str:
    """The text of a file of ``ui/assets``."""
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def address(name: str) -> str:
    """Where the page finds a file: ``brand/app.1a2b3c4d.css``, relative to the mount."""
    stem, dot, suffix = name.rpartition(".")
    return f"brand/{stem}.{hashlib.sha256(text(name).encode()).hexdigest()[:10]}{dot}{suffix}"


def media_type(name: str) -> str:
    """The content type of a file by its name."""
    return _TYPES[Path(name).suffix]
