from __future__ import annotations

from pathlib import Path

import pytest

from backend.adapters.glossary import read_glossary
from backend.text.glossary import DEFAULT_TERMS, parse_terms


def test_terms_are_one_a_line_and_comments_are_none() -> None:
    text = "# terms\nEnd  Effector\n\nC#\nEnd Effector\n" + "x" * 81
    assert parse_terms(text) == ("End Effector", "C#")
    assert len(parse_terms("\n".join(f"term {n}" for n in range(2_000)))) == 1_000


def test_built_in_terms_are_clean() -> None:
    assert len(set(DEFAULT_TERMS)) == len(DEFAULT_TERMS) > 100
    assert all(term == term.strip() and "," not in term for term in DEFAULT_TERMS)


def test_glossary_of_a_folder_is_read(tmp_path: Path) -> None:
    assert read_glossary(str(tmp_path)) == ()
    (tmp_path / "_glossary.txt").write_bytes("\ufeffGripper\r\nروبوٹ\r\n".encode())
    assert read_glossary(str(tmp_path)) == ("Gripper", "روبوٹ")
    assert read_glossary("https://book.example/archive.zip") == ()


def test_unreadable_glossary_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "_glossary.txt").write_bytes(b"\xff\xfe\x00")
    assert read_glossary(str(tmp_path)) == ()
    assert "glossary" in caplog.text
