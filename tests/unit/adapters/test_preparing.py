"""Cutting files in another process, and what happens when that is not there."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from backend.adapters.preparing import PreparingProcess
from backend.adapters.sources import FolderSource
from backend.domain import SourceFile
from backend.text.markdown import chunk_file
from backend.text.preparing import prepare
from backend.text.sparse import encode_document
from backend.text.tokens import word_counts
from tests.unit.services.fakes import NOON

DOCS = Path(__file__).parents[3] / "docs"


def files() -> list[SourceFile]:
    return [file for file in FolderSource(DOCS).files() if isinstance(file, SourceFile)]


def test_prepare_is_what_its_parts_say() -> None:
    for file in files():
        prepared, document = prepare(file), chunk_file(file)
        texts = [chunk.indexed_text for chunk in document.chunks]
        assert prepared.chunks == document.chunks
        assert prepared.content_hash == document.content_hash
        assert prepared.sparse == tuple(map(encode_document, texts))
        assert prepared.words == word_counts(texts)


async def test_process_gives_what_this_one_would_and_ends_with_the_block() -> None:
    async with PreparingProcess().open() as prepare_there:
        found = await asyncio.gather(*map(prepare_there, files()))
        (child,) = _children()
    assert found == list(map(prepare, files()))
    assert child not in _children()


async def test_process_ends_though_nobody_waits_for_it_any_longer() -> None:
    before = _children()
    async with PreparingProcess().open() as prepare_there:
        task = asyncio.create_task(prepare_there(files()[0]))
        await asyncio.sleep(0)
        task.cancel()
    assert _children() == before


async def test_process_is_not_started_where_nothing_changed() -> None:
    before = _children()
    async with PreparingProcess().open():
        assert _children() == before


@pytest.mark.parametrize(
    "command",
    [("no-such-program",), (sys.executable, "-c", "import sys; sys.stdin.buffer.read(9)")],
    ids=["cannot be started", "dies"],
)
async def test_files_are_cut_here_where_the_process_fails(command: tuple[str, ...]) -> None:
    async with PreparingProcess(command).open() as prepare_there:
        found = await asyncio.gather(*map(prepare_there, files()))
    assert found == list(map(prepare, files()))


async def test_a_file_that_cannot_be_cut_there_is_tried_here_and_the_next_one_goes_on() -> None:
    broken = SourceFile("a.md", None, NOON)  # type: ignore[arg-type]
    good = SourceFile("b.md", "# B\n\nTwo.", NOON)
    async with PreparingProcess().open() as prepare_there:
        with pytest.raises(AttributeError):
            await prepare_there(broken)
        assert await prepare_there(good) == prepare(good)


def _children() -> set[int]:
    own = f"/proc/{os.getpid()}/task"
    found: set[int] = set()
    for thread in os.listdir(own):
        found |= set(map(int, Path(f"{own}/{thread}/children").read_text().split()))
    return found
