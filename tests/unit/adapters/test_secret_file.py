from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.adapters.secret_file import FILE, kept_secret
from backend.errors import NotConfigured


def test_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = kept_secret(folder)
    assert len(first) >= 32
    assert kept_secret(folder) == first
    assert (folder / FILE).stat().st_mode & 0o077 == 0
    assert [one.name for one in folder.iterdir()] == [FILE]


def test_starts_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(kept_secret, [tmp_path] * 16))) == 1


def test_folder_that_cannot_hold_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotConfigured, match="DATA_DIR") as caught:
        kept_secret(tmp_path / "file")
    assert str(tmp_path) not in caught.value.detail


@pytest.mark.parametrize("content", ["", "short", "é" * 40])
def test_damaged_file_is_not_used(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(NotConfigured):
        kept_secret(tmp_path)
