"""What may be uploaded, and what an archive cannot do."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from backend.errors import AppError, Conflict, Invalid, TooLarge
from backend.services import uploads as module
from backend.services.uploads import Upload, Uploads


def packed(entries: dict[str, bytes], *, kind: int = zipfile.ZIP_DEFLATED) -> Upload:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return Upload("book.zip", out.getvalue())


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_add_stores_documents_and_those_of_archives(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")

    stored = uploads.add(
        [
            Upload("C:\\docs\\one.md", b"# One"),
            packed({"guides/two.mdx": b"# Two", "guides/figure.png": b"x", "_draft.md": b"y"}),
        ]
    )

    assert stored.sources == ("uploads/guides/two.mdx", "uploads/one.md")
    assert set(stored.skipped) == {"guides/figure.png", "_draft.md"}
    assert files(uploads.folder) == {"one.md", "guides/two.mdx"}


@pytest.mark.parametrize(
    "name", ["../out.md", "a/../../out.md", "/etc/out.md", "..\\out.md", "C:\\out.md"]
)
def test_add_stores_nothing_of_an_archive_that_leaves_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match="leads out"):
        Uploads(tmp_path / "uploads").add([packed({"fine.md": b"x", name: b"y"})])
    assert files(tmp_path) == set()


def test_add_makes_no_links(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("passwd.md")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("fine.md", "x")

    stored = Uploads(tmp_path).add([Upload("a.zip", out.getvalue())])

    assert stored.skipped == ("passwd.md",)
    assert files(tmp_path) == {"fine.md"}


def test_add_refuses_what_unpacks_to_too_much(tmp_path: Path) -> None:
    bomb = packed({"bomb.md": b"\0" * (module.MAX_FILE_BYTES + 1)})
    many = packed({f"{n}.md": b"\0" * (4 * 2**20) for n in range(16)})

    for upload in (bomb, many):
        assert len(upload.data) < 100_000
        with pytest.raises(TooLarge):
            Uploads(tmp_path).add([upload])
    assert files(tmp_path) == set()


@pytest.mark.parametrize(
    ("upload", "error"),
    [
        (Upload("a.zip", b"PK\x03\x04 not really"), Invalid),
        (Upload("a.exe", b"x"), Invalid),
        (Upload("_hidden.md", b"x"), Invalid),
        (Upload("a\x00.md", b"x"), Invalid),
        (Upload(f"{'a' * 300}.md", b"x"), Invalid),
        (Upload("a.md", b"x" * (module.MAX_FILE_BYTES + 1)), TooLarge),
        (packed({"a.png": b"x"}), Invalid),
        (packed({f"{n}.md": b"" for n in range(module.MAX_ENTRIES + 1)}), TooLarge),
    ],
)
def test_add_refuses_with_a_sentence(tmp_path: Path, upload: Upload, error: type[AppError]) -> None:
    with pytest.raises(error) as refused:
        Uploads(tmp_path).add([upload])
    assert refused.value.detail.endswith(".")
    assert files(tmp_path) == set()


def test_add_keeps_within_its_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEPT_BYTES", 10)
    uploads = Uploads(tmp_path)
    uploads.add([Upload("a.md", b"12345678")])
    uploads.add([Upload("a.md", b"123456789")])
    with pytest.raises(Conflict):
        uploads.add([Upload("b.md", b"12345678")])


def test_add_where_a_folder_has_the_name_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.md").mkdir()
    with pytest.raises(Conflict):
        Uploads(tmp_path).add([Upload("a.md", b"x")])
    assert files(tmp_path) == set()


def test_remove_deletes_uploaded_files_only(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")
    uploads.add([Upload("a.md", b"x")])
    (tmp_path / "kept.md").write_text("x")
    for source in ("a.md", "uploads/../kept.md", "uploads/missing.md"):
        uploads.remove(source)
    assert files(tmp_path) == {"uploads/a.md", "kept.md"}
    uploads.remove("uploads/a.md")
    assert files(tmp_path) == {"kept.md"}
