"""A secret of this installation, made once and kept in a file that only its user can read."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from backend.errors import NotConfigured

FILE = "auth-secret"
_BYTES = 36
_MIN_CHARS = 32


def kept_secret(data_dir: Path) -> str:
    """The secret in ``data_dir``, made at the first call; one for all processes that start at once.

    Raises:
        NotConfigured: The folder cannot be written, so sessions would not outlive the process.
    """
    path = data_dir / FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _publish(path, secrets.token_urlsafe(_BYTES))
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotConfigured(
            "Accounts are off: no secret can be kept in DATA_DIR; "
            "make it writable or set BETTER_AUTH_SECRET."
        ) from error
    if len(secret) < _MIN_CHARS:
        raise NotConfigured(
            "Accounts are off: the secret kept in DATA_DIR is damaged; "
            "delete the file auth-secret there or set BETTER_AUTH_SECRET."
        )
    return secret


def _publish(path: Path, secret: str) -> None:
    """Write whole or not at all: linking fails where another process was faster."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
