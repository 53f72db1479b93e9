"""Documents that maintainers upload: kept as files in DATA_DIR, where every ingestion finds them.

Nothing of what is uploaded is trusted: names cannot leave the folder, an archive is bounded by what
comes out of it and not by what it claims, and links in it are not made. Blocking; for a thread.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from backend.domain import UPLOADED
from backend.errors import Conflict, Invalid, TooLarge

MAX_UPLOAD_BYTES = 20 * 2**20
"""The whole request."""
MAX_FILE_BYTES = 5 * 2**20
"""One document, as in the docs folder."""
MAX_UNPACKED_BYTES = 60 * 2**20
MAX_ENTRIES = 5_000
MAX_KEPT_FILES = 5_000
MAX_KEPT_BYTES = 200 * 2**20
MAX_PATH_CHARS = 200
MAX_DEPTH = 12

_DOCUMENTS = (".md", ".mdx")
_ODD = re.compile(r"[\x00-\x1f\x7f<>:\"|?*\\]")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError)
"""What reading a damaged or unusual archive raises."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came: the name that its sender gave it, and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """``sources`` are paths under the docs root; ``skipped`` were no documents."""

    sources: tuple[str, ...]
    skipped: tuple[str, ...]


class Uploads:
    """The folder of uploaded documents."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, uploads: Sequence[Upload]) -> Stored:
        """Store documents and the documents in archives; one of the same path is replaced.

        Raises:
            Invalid: there is no document among them, or one is not acceptable; nothing is stored.
            TooLarge: they are too large, as they are or unpacked.
            Conflict: there is no room.
        """
        found: dict[str, bytes] = {}
        skipped: list[str] = []
        for upload in uploads:
            entries = _unpacked(upload.data) if _is_archive(upload.name) else _single(upload)
            for name, data in entries:
                if data is None:
                    skipped.append(name)
                else:
                    found[name] = data
        if not found:
            raise Invalid("There is no .md or .mdx document in what was uploaded.")
        self._require_room(found)
        self._write(found)
        return Stored(
            tuple(UPLOADED + name for name in sorted(found)), tuple(skipped[:MAX_ENTRIES])
        )

    def remove(self, source: str) -> None:
        """Delete the file of an uploaded document; nothing happens for any other document."""
        if not source.startswith(UPLOADED):
            return
        name = source.removeprefix(UPLOADED)
        if _problem(name):
            return
        with suppress(OSError):
            (self.folder / name).unlink()

    def _require_room(self, found: dict[str, bytes]) -> None:
        kept = {
            os.path.relpath(os.path.join(root, name), self.folder): _size(os.path.join(root, name))
            for root, _, names in os.walk(self.folder)
            for name in names
        }
        kept |= {name: len(data) for name, data in found.items()}
        if len(kept) > MAX_KEPT_FILES or sum(kept.values()) > MAX_KEPT_BYTES:
            raise Conflict(
                f"Uploads may be {MAX_KEPT_FILES:,} documents of {MAX_KEPT_BYTES // 2**20} MB "
                "together; delete some first."
            )

    def _write(self, found: dict[str, bytes]) -> None:
        for name, data in found.items():
            target = self.folder / name
            partly = target.with_name(f".{uuid4().hex}")  # hidden: no ingestion reads it
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                partly.write_bytes(data)
                os.replace(partly, target)
            except OSError as error:
                with suppress(OSError):
                    partly.unlink()
                raise Conflict(
                    "A document could not be stored: the disk of DATA_DIR is full, not writable, "
                    "or a folder has its name."
                ) from error


def _is_archive(name: str) -> bool:
    return name.lower().endswith(".zip")


def _single(upload: Upload) -> Iterator[tuple[str, bytes | None]]:
    name = re.split(r"[/\\]", upload.name.strip())[-1]
    if not name.lower().endswith(_DOCUMENTS):
        raise Invalid("Upload .md and .mdx documents, or a .zip of them.")
    if problem := _problem(name):
        raise Invalid(f"The document's name is not taken: {problem}")
    if len(upload.data) > MAX_FILE_BYTES:
        raise TooLarge(f"A document may have {MAX_FILE_BYTES // 2**20} MB.")
    yield name, upload.data


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes | None]]:
    """The entries of an archive; None instead of bytes for those that are no documents."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from _entries(archive)
    except _BROKEN as error:
        raise Invalid("The .zip is damaged or of a kind that is not read; pack it anew.") from error


def _entries(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes | None]]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MAX_ENTRIES:
        raise TooLarge(f"A .zip may hold {MAX_ENTRIES:,} files, and this one has {len(entries):,}.")
    room = MAX_UNPACKED_BYTES
    for entry in entries:
        name = entry.filename
        if _escapes(name):
            raise Invalid("The .zip holds a path that leads out of its folder; pack it anew.")
        if not _is_document(entry) or _problem(name):
            yield name[:MAX_PATH_CHARS], None
            continue
        if entry.flag_bits & 1:
            raise Invalid("The .zip is encrypted; pack it without a password.")
        limit = min(MAX_FILE_BYTES, room)
        with archive.open(entry) as file:
            content = file.read(limit + 1)  # what it claims to hold is not believed
        if len(content) > limit:
            raise TooLarge(
                f"Unpacked, a document may have {MAX_FILE_BYTES // 2**20} MB and all of them "
                f"{MAX_UNPACKED_BYTES // 2**20} MB."
            )
        room -= len(content)
        yield name, content


def _is_document(entry: zipfile.ZipInfo) -> bool:
    mode = entry.external_attr >> 16
    regular = not mode or stat.S_IFMT(mode) in (0, stat.S_IFREG)
    return regular and entry.filename.lower().endswith(_DOCUMENTS)


def _escapes(name: str) -> bool:
    parts = re.split(r"[/\\]", name)
    return name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]


def _problem(name: str) -> str:
    """Why a path cannot be a document's, or nothing."""
    parts = name.split("/")
    if _escapes(name) or _ODD.search(name) or "" in parts or "." in parts:
        return "it has characters that names of files do not have everywhere."
    if any(part.startswith(("_", ".")) or part == "node_modules" for part in parts):
        return "what begins with _ or . is left out of a book."
    if len(name.encode()) > MAX_PATH_CHARS or len(parts) > MAX_DEPTH:
        return f"it is longer than {MAX_PATH_CHARS} characters, or too deep."
    return ""


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
