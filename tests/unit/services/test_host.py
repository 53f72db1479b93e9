"""Facts of the machine, and nothing where it does not tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.services import host
from backend.services.host import folder_bytes, host_facts


def test_facts_of_this_machine_are_plausible(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    facts = host_facts(tmp_path, ("pydantic", "no-such-package-here"))

    assert 100_000 <= (facts.data_bytes or 0) <= 110_000
    assert dict(facts.versions)["no-such-package-here"] == "not installed"
    assert dict(facts.versions)["pydantic"][0].isdigit()
    assert facts.now.tzinfo is not None
    assert facts.uptime_s > 0
    assert facts.memory_bytes is None or facts.memory_bytes > 10**6
    assert (facts.disk_free_bytes or 0) <= (facts.disk_total_bytes or 0)


def test_a_folder_that_is_not_there_yet_is_empty_and_on_the_disk_of_its_parent(
    tmp_path: Path,
) -> None:
    facts = host_facts(tmp_path / "not" / "yet", ())

    assert facts.data_bytes == 0
    assert facts.disk_total_bytes


def test_folder_bytes_counts_links_as_links(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_bytes(b"x" * 100_000)
    (tmp_path / "link").symlink_to(tmp_path / "inner" / "a")

    assert 100_000 <= folder_bytes(tmp_path) < 200_000


def test_folder_bytes_leaves_out_the_holes_of_a_sparse_file(tmp_path: Path) -> None:
    with (tmp_path / "segment").open("wb") as file:
        file.truncate(10**8)

    assert folder_bytes(tmp_path) < 10**6


@pytest.mark.parametrize(
    ("text", "limit"), [("max\n", None), ("536870912\n", 536870912), (str(1 << 62), None)]
)
def test_a_limit_of_memory_is_read_from_the_control_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, limit: int | None
) -> None:
    file = tmp_path / "memory.max"
    file.write_text(text, encoding="ascii")
    monkeypatch.setattr(host, "_LIMITS", (tmp_path / "absent", file))

    assert host_facts(tmp_path, ()).memory_limit_bytes == limit


def test_a_machine_that_tells_nothing_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_STATUS", tmp_path / "absent")
    monkeypatch.setattr(host, "_LIMITS", ())

    facts = host_facts(tmp_path, ())
    assert (facts.memory_bytes, facts.memory_limit_bytes) == (None, None)
