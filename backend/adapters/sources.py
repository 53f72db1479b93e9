"""The book from a folder of this machine, and the choice between this and the remote kinds."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from backend.adapters.source_text import MAX_FILE_BYTES, as_file, is_ignored, is_source, too_large
from backend.domain import SourceFile, UnreadableFile
from backend.errors import NotConfigured
from backend.ports import DocumentSource

Item = SourceFile | UnreadableFile

MAX_DEPTH = 32
"""Folders inside folders; deeper ones are reported instead of read."""

_REASONS: tuple[tuple[type[OSError], str], ...] = (
    (PermissionError, "It may not be read by this process. Give it read permission."),
    (FileNotFoundError, "It is not there: a broken link, or it was deleted while it was read."),
)


def make_source(docs_path: str) -> DocumentSource:
    """The source that a value of DOCS_PATH names: folder, file, or an https address.

    An address whose path ends in ``.xml`` is a sitemap, any other an archive of a repository. Never
    raises and opens nothing: what is wrong with the value is said by ``files()``.
    """
    if "://" not in docs_path:
        return FolderSource(docs_path)
    from backend.adapters.remote_sources import ArchiveSource, SitemapSource

    if docs_path.partition("?")[0].lower().endswith(".xml"):
        return SitemapSource(docs_path)
    return ArchiveSource(docs_path)


class FolderSource:
    """Markdown and text files below a folder, or one such file.

    As Docusaurus does, it leaves out whatever begins with ``_`` or ``.`` and ``node_modules``.
    Links are followed as long as they stay inside the folder; a folder is never read twice.
    """

    def __init__(self, root: str | os.PathLike[str], *, location: str | None = None) -> None:
        self._root = Path(root)
        self.location = location or str(root)

    def paths(self) -> list[str] | None:
        """The files' paths; the folders are walked, no file is opened."""
        root = Path(os.path.realpath(self._root))
        if not root.is_dir():
            return None
        return [item.path for item in _Walk(root, _unread).folder(root, "", 0)]

    def files(self) -> Iterator[SourceFile | UnreadableFile]:
        """Every file in order of path, read one by one.

        Raises:
            NotConfigured: there is neither a folder nor a file.
        """
        root = Path(os.path.realpath(self._root))
        if root.is_file():
            yield _read(root, root.name)
        elif root.is_dir():
            yield from _Walk(root, _read).folder(root, "", 0)
        else:
            raise NotConfigured(
                "DOCS_PATH names a folder that is not there; "
                "set it to the folder that holds the chapters."
            )


class _Walk:
    def __init__(self, root: Path, take: Callable[[Path, str], Item]) -> None:
        self._root = str(root)
        self._take = take
        self._seen: set[tuple[int, int]] = set()

    def folder(
        self, folder: Path, prefix: str, depth: int
    ) -> Iterator[SourceFile | UnreadableFile]:
        if depth > MAX_DEPTH:
            yield UnreadableFile(_printable(prefix), "It lies too deep inside other folders.")
            return
        try:
            status = folder.stat()
            names = sorted(os.listdir(folder), key=lambda name: _sort_name(folder, name))
        except OSError as error:
            yield UnreadableFile(_printable(prefix), _reason(error))
            return
        if (status.st_dev, status.st_ino) in self._seen:
            return
        self._seen.add((status.st_dev, status.st_ino))
        for name in names:
            if not is_ignored(name):
                yield from self._entry(folder / name, prefix + name, depth)

    def _entry(self, path: Path, name: str, depth: int) -> Iterator[SourceFile | UnreadableFile]:
        if os.path.islink(path) and not self._stays_inside(path):
            return
        if os.path.isdir(path):
            yield from self.folder(path, f"{name}/", depth + 1)
        elif is_source(path.name):
            if _printable(name) != name:
                yield UnreadableFile(
                    _printable(name), "Its name is not valid UTF-8. Give it another name."
                )
            else:
                yield self._take(path, name)

    def _stays_inside(self, path: Path) -> bool:
        return os.path.commonpath((self._root, os.path.realpath(path))) == self._root


def _sort_name(folder: Path, name: str) -> str:
    """Folders sort as their paths do, so that the whole walk is in order of path."""
    return f"{name}/" if os.path.isdir(folder / name) else name


def _unread(path: Path, name: str) -> Item:
    return UnreadableFile(name, "")


def _read(path: Path, name: str) -> SourceFile | UnreadableFile:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return UnreadableFile(name, "It is no regular file. Take it out.")
        if status.st_size > MAX_FILE_BYTES:
            return too_large(name)
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return UnreadableFile(name, _reason(error))
    return as_file(name, data, _moment(status.st_mtime))


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # a file system may hold any number
        return datetime.fromtimestamp(0, UTC)


def _reason(error: OSError) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    return "It cannot be read: the disk or the file system reports an error."


def _printable(name: str) -> str:
    """The name without the surrogates that stand for bytes which are not UTF-8."""
    return name.rstrip("/").encode("utf-8", "replace").decode("utf-8") or "."
