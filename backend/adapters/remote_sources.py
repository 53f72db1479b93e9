"""The book from an https address: an archive of a repository, or a site with its sitemap."""

from __future__ import annotations

import gzip
import os
import posixpath
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from html import unescape
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, cast
from urllib.parse import unquote, urlsplit

from backend.adapters.remote_fetch import UPSTREAM, Fetcher, without_credentials
from backend.adapters.source_text import MAX_FILE_BYTES, SUFFIXES, is_ignored
from backend.adapters.sources import FolderSource
from backend.clock import utc_now
from backend.domain import SourceFile, UnreadableFile
from backend.errors import AppError, NotConfigured, UpstreamMalformed

MAX_ARCHIVE_BYTES = 256 * 2**20
MAX_UNPACKED_BYTES = 512 * 2**20
"""Of the Markdown and text files; a compressed tar may be twice that all in all."""
MAX_ENTRIES = 200_000
MAX_FILES = 20_000
MAX_PAGES = 5_000
MAX_SITEMAPS = 50
MAX_SITEMAP_BYTES = 20 * 2**20

_BLOCK = 64 * 2**10
_LOCATION = re.compile(
    r"<(?:\w+:)?loc>\s*(?:<!\[CDATA\[)?\s*(.*?)\s*(?:\]\]>)?\s*</(?:\w+:)?loc>", re.S
)
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    RuntimeError,  # encrypted, or compressed in a way that zipfile does not know
)
"""What zipfile, tarfile and gzip raise for archives that cannot be read."""

Members = Iterator[tuple[str, float, Callable[[], IO[bytes] | None]]]


class ArchiveSource:
    """The docs folder of a ``.zip`` or ``.tar.gz``; what it is is seen by its first bytes.

    Only Markdown and text files are unpacked, to a temporary folder that lives as long as the
    iteration. The book is the shallowest folder called ``docs`` with such a file in it, else the
    shallowest folder with one.
    """

    def __init__(self, url: str, *, fetcher: Fetcher | None = None) -> None:
        self._url = url
        self._fetcher = fetcher or Fetcher()
        self.location = without_credentials(url)

    def paths(self) -> list[str] | None:
        """Not known before everything has been fetched."""
        return None

    def files(self) -> Iterator[SourceFile | UnreadableFile]:
        """Fetch, unpack, and read every file in order of path.

        Raises:
            NotConfigured: The address is not usable, not an archive, too large, or has no Markdown.
            UpstreamError: The server cannot be reached, or the archive is damaged.
        """
        with tempfile.TemporaryDirectory(prefix="docs-") as folder:
            with tempfile.TemporaryFile() as archive:
                self._fetcher.fetch(self._url, archive, MAX_ARCHIVE_BYTES)
                archive.seek(0)
                try:
                    refused = _unpack(archive, Path(folder))
                except _DAMAGED as error:
                    raise UpstreamMalformed(
                        UPSTREAM,
                        "The archive at DOCS_PATH is damaged or encrypted; "
                        "set the address of another one.",
                    ) from error
            yield from refused
            yield from FolderSource(_book(Path(folder)), location=self.location).files()


def _unpack(archive: IO[bytes], folder: Path) -> list[UnreadableFile]:
    """Write the book's files below ``folder``; returns those that were refused."""
    refused: list[UnreadableFile] = []
    files = total = 0
    for number, (name, modified, opened) in enumerate(_members(archive)):
        if number >= MAX_ENTRIES or files >= MAX_FILES or total > MAX_UNPACKED_BYTES:
            raise _too_much()
        path = PurePosixPath(name)
        if not name.lower().endswith(SUFFIXES):
            continue
        if not _is_safe(name):
            refused.append(UnreadableFile(path.name, "Its path leads out of the archive."))
            continue
        if any(map(is_ignored, path.parts[1:])):
            continue
        stream = opened()
        if stream is None:
            continue
        files += 1
        try:
            with stream:
                total += _write(stream, folder / path, modified)
        except (OSError, ValueError, OverflowError):
            refused.append(UnreadableFile(name, "Its name cannot be used. Give it another one."))
    return refused


def _members(archive: IO[bytes]) -> Members:
    start = archive.read(4)
    archive.seek(0)
    if start.startswith(b"PK"):
        yield from _zip_members(archive)
    elif start.startswith(b"\x1f\x8b"):
        yield from _tar_members(archive)
    else:
        raise NotConfigured(
            "What is at the address in DOCS_PATH is neither a .zip nor a .tar.gz archive; "
            "set the address of one, or of a sitemap that ends in .xml."
        )


def _zip_members(archive: IO[bytes]) -> Members:
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            is_link = (entry.external_attr >> 28) == 0xA
            if not entry.is_dir() and not is_link:
                yield entry.filename, _zip_time(entry), partial(packed.open, entry)


def _zip_time(entry: zipfile.ZipInfo) -> float:
    try:
        return datetime(*entry.date_time, tzinfo=UTC).timestamp()
    except ValueError:  # the fields are whatever the archive says
        return utc_now().timestamp()


def _tar_members(archive: IO[bytes]) -> Members:
    with gzip.GzipFile(fileobj=archive) as plain:
        bounded = cast(IO[bytes], _Bounded(plain))
        with tarfile.open(mode="r|", fileobj=bounded) as packed:
            for entry in packed:
                if entry.isreg():
                    yield entry.name, entry.mtime, partial(packed.extractfile, entry)


class _Bounded:
    """A reader that ends a decompression bomb."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self._left = 2 * MAX_UNPACKED_BYTES

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _too_much()
        return data


def _too_much() -> AppError:
    return NotConfigured(
        f"The archive at DOCS_PATH holds more than {MAX_FILES} files or "
        f"{MAX_UNPACKED_BYTES // 2**20} MB of text; set the address of a smaller one."
    )


def _is_safe(name: str) -> bool:
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or "\\" in name or ":" in path.parts[0])


def _write(stream: IO[bytes], path: Path, modified: float) -> int:
    """Copy a file, or so much of it that it is seen to be too large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with path.open("wb") as file:
        while size <= MAX_FILE_BYTES and (block := stream.read(_BLOCK)):
            size += file.write(block)
    os.utime(path, (modified, modified))
    return size


def _book(folder: Path) -> Path:
    found: list[tuple[bool, int, str]] = []
    for parent, _, names in os.walk(folder):
        if names:
            parts = Path(parent).relative_to(folder).parts
            if "docs" in parts:
                parts = parts[: parts.index("docs") + 1]
            found.append(("docs" not in parts, len(parts), str(folder.joinpath(*parts))))
    if not found:
        raise NotConfigured(
            "The archive at DOCS_PATH holds no Markdown or text file; set the address of another."
        )
    return Path(min(found)[2])


class SitemapSource:
    """The pages that a sitemap lists, on the sitemap's own host, as Markdown."""

    def __init__(self, url: str, *, fetcher: Fetcher | None = None) -> None:
        self._url = url
        self._fetcher = fetcher or Fetcher()
        self.location = without_credentials(url)

    def paths(self) -> list[str] | None:
        """Not known before everything has been fetched."""
        return None

    def files(self) -> Iterator[SourceFile | UnreadableFile]:
        """Fetch page after page, in order of path; one that cannot be had is reported.

        Raises:
            NotConfigured: The sitemap is not usable or lists no page of its host.
            UpstreamError: The sitemap's server cannot be reached.
        """
        pages = self._pages()
        if not pages:
            raise NotConfigured(
                "The sitemap at DOCS_PATH lists no page on its own host; set that of the book."
            )
        for path, url in sorted(pages.items()):
            yield self._page(path, url)

    def _pages(self) -> dict[str, str]:
        """Source path -> address."""
        base = urlsplit(self._url)
        folder = base.path.rpartition("/")[0]
        pages: dict[str, str] = {}
        waiting, seen = [self._url], 0
        while waiting and seen < MAX_SITEMAPS:
            seen += 1
            text = self._text(waiting.pop(0), MAX_SITEMAP_BYTES)
            addresses = [unescape(found) for found in _LOCATION.findall(text)]
            own = [
                url for url in addresses if urlsplit(url).netloc == base.netloc.rpartition("@")[2]
            ]
            if "<sitemapindex" in text:
                waiting += own
                continue
            for url in own[: MAX_PAGES - len(pages)]:
                pages[_page_source(unquote(urlsplit(url).path), folder)] = url
        return pages

    def _page(self, path: str, url: str) -> SourceFile | UnreadableFile:
        from backend.adapters.remote_html import page_markdown

        try:
            text = self._text(url, MAX_FILE_BYTES)
            slug = path.removesuffix(".md").removesuffix("index").rstrip("/")
            return SourceFile(path, page_markdown(text, slug), utc_now())
        except AppError as error:
            return UnreadableFile(path, error.detail)
        except RecursionError:
            return UnreadableFile(path, "Its HTML is nested too deeply to be read.")

    def _text(self, url: str, limit: int) -> str:
        with BytesIO() as target:
            self._fetcher.fetch(url, target, limit)
            return target.getvalue().decode("utf-8", "replace").replace("\0", "")


def _page_source(path: str, folder: str) -> str:
    """A page's path below the sitemap's folder as a file name: ``/docs/a/`` is ``docs/a.md``."""
    inner = posixpath.normpath(f"/{path.removeprefix(f'{folder}/')}").strip("/")
    return f"{inner.removesuffix('.html') or 'index'}.md"
