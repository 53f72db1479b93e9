from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.adapters import source_text
from backend.adapters.remote_sources import ArchiveSource, SitemapSource
from backend.adapters.sources import FolderSource, make_source
from backend.domain import SourceFile, UnreadableFile
from backend.errors import NotConfigured


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def read(root: Path) -> dict[str, str]:
    """Path -> text, or the reason why there is none."""
    return {
        item.path: item.text if isinstance(item, SourceFile) else item.reason
        for item in FolderSource(root).files()
    }


def test_folder_is_read_in_order_of_path_without_what_docusaurus_leaves_out(tmp_path: Path) -> None:
    kept = ["a-b.md", "a.md", "a/1.mdx", "a/z/2.MD", "ab.txt", "ü.md"]
    left = ["_draft.md", "_partials/x.md", ".git/x.md", "node_modules/x.md", "a/_y.mdx", "x.png"]
    write(tmp_path, dict.fromkeys([*left, *kept], "x"))
    assert list(read(tmp_path)) == kept


def test_folder_gives_text_and_time_of_change(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "Zeile\r\nzwei"})
    os.utime(tmp_path / "a.md", (86_400, 86_400))
    assert list(FolderSource(tmp_path).files()) == [
        SourceFile("a.md", "Zeile\r\nzwei", datetime(1970, 1, 2, tzinfo=UTC))
    ]


def test_single_file_is_a_book(tmp_path: Path) -> None:
    write(tmp_path, {"chapter.md": "Text.", "other.md": "No."})
    assert read(tmp_path / "chapter.md") == {"chapter.md": "Text."}


def test_missing_folder_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        NotConfigured, match="^DOCS_PATH names a folder that is not there"
    ) as raised:
        read(tmp_path / "nowhere")
    assert str(tmp_path) not in raised.value.detail


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfTitle", "Title"),
        ("Übung".encode("utf-16"), "Übung"),
        (b"\xfe\xff\x06\x41", "ف"),
        (b"", ""),
    ],
)
def test_byte_order_marks_are_understood(tmp_path: Path, data: bytes, text: str) -> None:
    assert read(write(tmp_path, {"a.md": data})) == {"a.md": text}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"one\ntwo \xe9 three", "UTF-8: byte 0xE9 at position 8 (line 2)"),
        (b"\xff\xfea\x00\x00\xd8", "UTF-16: byte 0x00 at position 4"),
        (b"ab\xed\xa0\x80", "UTF-8: byte 0xED at position 2"),
        ("plain".encode("utf-16-le"), "NUL character at position 1"),
        (b"x" * 101, "larger than"),
    ],
)
def test_file_that_is_no_text_is_reported_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, reason: str
) -> None:
    monkeypatch.setattr(source_text, "MAX_FILE_BYTES", 100)
    found = read(write(tmp_path, {"a.md": data, "b.md": "fine"}))
    assert reason in found["a.md"]
    assert found["b.md"] == "fine"


def test_links_are_followed_inside_the_root_only_and_never_in_circles(tmp_path: Path) -> None:
    write(tmp_path, {"secret/s.md": "secret", "book/b/real.md": "real"})
    book = tmp_path / "book"
    (book / "alias.md").symlink_to(book / "b" / "real.md")
    (book / "out.md").symlink_to(tmp_path / "secret" / "s.md")
    (book / "outside").symlink_to(tmp_path / "secret")
    (book / "b" / "circle").symlink_to(book)
    (book / "broken.md").symlink_to(book / "gone.md")
    (book / "loop.md").symlink_to(book / "loop.md")
    (tmp_path / "link").symlink_to(book)
    found = read(tmp_path / "link")
    assert found.keys() == {"alias.md", "b/real.md", "broken.md", "loop.md"}
    assert "broken link" in found["broken.md"]
    assert "cannot be read" in found["loop.md"]


def test_name_that_is_not_utf8_is_reported_in_a_printable_way(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("x")
    (item,) = FolderSource(tmp_path).files()
    assert item == UnreadableFile("caf?.md", "Its name is not valid UTF-8. Give it another name.")


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert "no regular file" in read(tmp_path)["pipe.md"]


def test_forbidden_file_and_folder_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a.md": "x", "b/c.md": "x", "d.md": "fine"})
    listdir, opened = os.listdir, Path.open

    def refuse_listing(path: Path) -> list[str]:
        if path.name == "b":
            raise PermissionError(13, "no", str(path))
        return listdir(path)

    def refuse_reading(path: Path, mode: str) -> object:
        if path.name == "a.md":
            raise PermissionError(13, "no", str(path))
        return opened(path, mode)

    monkeypatch.setattr(os, "listdir", refuse_listing)
    monkeypatch.setattr(Path, "open", refuse_reading)
    found = read(tmp_path)
    assert found["d.md"] == "fine"
    assert found["a.md"] == found["b"]
    assert found["b"] == "It may not be read by this process. Give it read permission."


def test_files_are_read_one_by_one(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "first", "b.md": "second"})
    files = FolderSource(tmp_path).files()
    next(files)
    (tmp_path / "b.md").write_text("changed meanwhile")
    assert isinstance(second := next(files), SourceFile)
    assert second.text == "changed meanwhile"


def test_make_source_chooses_by_the_value() -> None:
    assert isinstance(make_source("docs"), FolderSource)
    assert isinstance(make_source("https://example.org/a/sitemap.xml?x=1"), SitemapSource)
    archive = make_source("https://user:test-key-not-real@example.org/book/main.tar.gz")
    assert isinstance(archive, ArchiveSource)
    assert archive.location == "https://example.org/book/main.tar.gz"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://example.org/a.zip", "https"),
        ("file:///etc/passwd", "https"),
        ("ftp://example.org/sitemap.xml", "https"),
        ("https://[", "cannot be read|can be read"),
        ("https://example.org:port/a.zip", "can be read"),
    ],
)
def test_address_that_is_not_usable_is_refused_when_read(address: str, message: str) -> None:
    source = make_source(address)
    with pytest.raises(NotConfigured, match=message):
        list(source.files())


def test_folder_lists_its_files_without_reading_them(tmp_path: Path) -> None:
    (tmp_path / "week1").mkdir()
    for path in ("a.md", "week1/b.mdx", "_hidden.md", "picture.png"):
        (tmp_path / path).write_bytes(b"\xff")
    assert FolderSource(tmp_path).paths() == ["a.md", "week1/b.mdx"]
    assert FolderSource(tmp_path / "nowhere").paths() is None
