"""The book together with what maintainers have uploaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from backend.adapters.sources import FolderSource
from backend.domain import UPLOADED, SourceFile, UnreadableFile
from backend.ports import DocumentSource


class WithUploads:
    """The files of ``docs``, then those of the uploads folder below ``uploads/``.

    A file of the docs whose path begins so is reported instead of read: two documents of one path
    would overwrite each other.
    """

    def __init__(self, docs: DocumentSource, uploads: Path) -> None:
        self._docs = docs
        self._folder = uploads
        self.location = docs.location

    def paths(self) -> list[str] | None:
        """The files' paths, where those of the docs are known without fetching anything."""
        docs = self._docs.paths()
        if docs is None:
            return None
        uploaded = FolderSource(self._folder).paths() or []
        return [*docs, *(UPLOADED + path for path in uploaded)]

    def files(self) -> Iterator[SourceFile | UnreadableFile]:
        """Every file, read one by one.

        Raises:
            NotConfigured: the docs are not there; what was uploaded does not replace them.
        """
        for item in self._docs.files():
            if item.path.startswith(UPLOADED):
                yield UnreadableFile(
                    item.path, "The folder's name is kept for uploads. Give it another name."
                )
            else:
                yield item
        if self._folder.is_dir():
            for item in FolderSource(self._folder).files():
                yield replace(item, path=UPLOADED + item.path)
