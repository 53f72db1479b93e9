"""What only the embedded index can meet: its process, its folder, its lock."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from backend.adapters.edge_index import EdgeIndex
from backend.adapters.edge_process import HANG_S, PER_S, STARTS, EdgeProcess
from backend.errors import (
    IndexMissing,
    ShuttingDown,
    UpstreamError,
    UpstreamRejected,
    UpstreamUnavailable,
)
from tests.contract.index_places import EdgePlace, chunk, document, words

TEXTS = [f"alpha beta {n}" for n in range(200)]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[EdgePlace]:
    place = EdgePlace(tmp_path)
    yield place
    await place.close()


async def _filled(place: EdgePlace) -> EdgeIndex:
    index = await place.index()
    await index.begin(None, None)
    await index.write([document("a.md", [chunk("alpha", "a.md")])])
    await index.publish()
    return index


def _kill(place: EdgePlace) -> None:
    assert place.process.pid is not None
    os.kill(place.process.pid, signal.SIGKILL)


async def test_process_whose_first_caller_has_left_is_used_by_the_next(tmp_path: Path) -> None:
    process = EdgeProcess(tmp_path / "index")
    leaving = asyncio.create_task(process.call("live"))
    await asyncio.sleep(0)  # it is being started in a thread now
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await process.call("live") == (None, False)  # a second process would lack the lock
    pid = process.pid
    await process.close()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_killed_process_fails_calls_in_flight_and_comes_back(
    place: EdgePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = await _filled(place)
    call, pid = place.process.call, place.process.pid
    assert pid is not None
    steps, held = 0, asyncio.Event()

    async def held_up(operation: str, *arguments: Any) -> Any:
        nonlocal steps
        steps += operation == "write"
        if steps == 2:  # in the middle, where the process must not get on before it is killed
            os.kill(pid, signal.SIGSTOP)
            held.set()
        return await call(operation, *arguments)

    monkeypatch.setattr(place.process, "call", held_up)
    big = document("b.md", [chunk(text, "b.md", n) for n, text in enumerate(TEXTS)])
    writing = asyncio.create_task(index.write([big]))
    await held.wait()
    monkeypatch.undo()
    _kill(place)
    with pytest.raises(UpstreamUnavailable):
        await writing
    (result,) = await index.search([words("alpha")], 300)
    assert "alpha" in {hit.chunk.text for hit in result.sparse}
    listed = {record.source: record.content_hash for record in await index.documents()}
    assert listed["a.md"] == "hash"
    assert listed.get("b.md", "") == ""  # not recorded as whole, however far the write had come
    await index.write([big])
    assert (await index.info()).points == len(TEXTS) + 1


async def test_process_that_dies_at_every_start_is_not_restarted_for_ever(tmp_path: Path) -> None:
    now = 0.0
    process = EdgeProcess(tmp_path / "index", clock=lambda: now)
    for _ in range(STARTS):
        await process.call("live")
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        while process.pid is not None:
            await asyncio.sleep(0.001)
    with pytest.raises(UpstreamUnavailable, match="keeps failing") as caught:
        await process.call("live")
    assert caught.value.retry_after_s == PER_S
    now = PER_S
    assert await process.call("live") == (None, False)
    await process.close()


async def test_process_that_hangs_is_replaced(tmp_path: Path) -> None:
    now = 0.0
    process = EdgeProcess(tmp_path / "index", clock=lambda: now)
    await process.call("live")
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    hanging = asyncio.create_task(process.call("live"))
    await asyncio.sleep(0)
    now = HANG_S + 1
    assert await process.call("live") == (None, False)
    with pytest.raises(UpstreamUnavailable):
        await hanging
    await process.close()


async def test_cancelled_call_leaves_the_others_alone(place: EdgePlace) -> None:
    index = await _filled(place)
    calls = [asyncio.create_task(index.search([words("alpha")], 5)) for _ in range(20)]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()
    answers = await asyncio.gather(*calls[1::2])
    assert all(result.sparse for (result,) in answers)


async def test_second_process_is_told_who_has_the_folder(place: EdgePlace) -> None:
    await _filled(place)
    second = EdgeIndex(place.folder, "book")
    with pytest.raises(UpstreamError, match="DATA_DIR") as caught:
        await second.open()
    assert str(place.folder) not in caught.value.detail
    await place.close()
    (result,) = await second.search([words("alpha")], 5)
    assert [hit.chunk.text for hit in result.sparse] == ["alpha"]
    await second.close()


async def test_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file")
    index = EdgeIndex(tmp_path, "book")
    with pytest.raises(UpstreamRejected, match=r"DATA_DIR cannot be written"):
        await index.open()
    await index.close()


@pytest.mark.parametrize("damage", ["segments", "config", "empty"])
async def test_unreadable_collection_is_set_aside_and_rebuilt(
    place: EdgePlace, damage: str
) -> None:
    await _filled(place)
    await place.close()
    folder = place.folder / "index" / "book__sparse_v1"
    config = folder / "edge_config.json"
    if damage == "config":
        config.write_text("{")
    for path in sorted(folder.rglob("*"), reverse=True) if damage == "empty" else []:
        path.unlink() if path.is_file() else path.rmdir()
    for path in folder.glob("segments/*/*") if damage == "segments" else []:
        if path.is_file():
            path.write_bytes(b"garbage")
    index = await place.index()
    info = await index.info()
    assert info.points == 0
    assert info.problem is not None
    assert "next ingest rebuilds" in info.problem
    with pytest.raises(IndexMissing):
        await index.search([words("alpha")], 5)
    again = await _filled(place)
    assert (await again.info()).problem is None
    assert (await again.info()).points == 1


async def test_damaged_pointer_is_reported_and_what_is_left_taken_over(place: EdgePlace) -> None:
    await _filled(place)
    await place.close()
    (place.folder / "index" / "live").write_bytes(b"\xff../elsewhere")
    index = await place.index()
    assert (await index.info()).problem is not None
    assert await index.begin(None, None) is False
    assert [record.source for record in await index.documents()] == ["a.md"]
    assert (await index.info()).problem is None


async def test_publish_deletes_the_folders_of_other_models(place: EdgePlace) -> None:
    index = await _filled(place)
    await index.begin("model", 2)
    await index.publish()
    folders = {path.name for path in (place.folder / "index").iterdir() if path.is_dir()}
    assert folders == {"book__model_2_v1"}


async def test_closed_index_refuses_and_leaves_no_process(place: EdgePlace) -> None:
    index = await _filled(place)
    process = place.process
    pid = process.pid
    assert pid is not None
    await place.close()
    assert process.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(ShuttingDown):
        await index.search([words("alpha")], 5)


def test_process_ends_with_its_stdin(tmp_path: Path) -> None:
    module = "backend.adapters.edge_worker"
    command = [sys.executable, "-m", module, str(tmp_path / "index")]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
