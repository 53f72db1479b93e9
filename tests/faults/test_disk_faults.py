"""A disk that is full: a real one where this machine lets a test mount one."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import event, text

from backend.adapters.sql.engine import SQLITE_FILE
from tests.e2e.product import product
from tests.faults.invariants import QUESTION, no_foreign_words, watched
from tests.faults.process import running, watched_process
from tests.faults.readers import sign_up, whole_pairs
from tests.faults.test_database_faults import QUICK, SECRET
from tests.faults.waiting import soon

SIZE_MB = 24
"""The embedded index takes most of it before the first question."""
BLOCK = 4096


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own; skips where mounting is not permitted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0700", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this machine does not permit a test to mount a disk of its own")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def fill(folder: Path) -> Path:
    """Take every byte that is left."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (2**20, BLOCK, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


async def test_f18_full_disk_loses_no_row(docs, tmp_path, seen):
    """Database, log and uploads are all on it; a process of its own, so that its log is one too."""
    with small_disk(tmp_path / "disk") as disk:
        shutil.copytree(docs, disk / "docs")
        token = {"ADMIN_TOKEN": "admin-token-not-real"}
        async with running(disk, **token) as service, watched_process(service, mode="extractive"):
            reader = await sign_up(service)
            answers = [(await reader.chat(service)).json for _ in range(3)]
            assert all(answer["saved"] for answer in answers)
            filler = fill(disk)
            saved = []
            for _ in range(12):
                reply = await reader.chat(service, query=QUESTION + " Say more." * 40)
                assert reply.status == 200, reply.body
                saved.append(reply.json["saved"])
                if reply.json["saved"]:
                    answers.append(reply.json)
                else:
                    assert "disk" in reply.json["degraded"], reply.json["degraded"]
            assert saved[-1] is False
            title = {"title": "x" * 200}
            path = f"/api/chat/sessions/{answers[0]['session_id']}/title"
            reply = await service.ask("PATCH", path, json=title, headers=reader.headers)
            assert reply.status in (200, 503), reply.body
            admin = {"Authorization": f"Bearer {token['ADMIN_TOKEN']}"}
            form = aiohttp.FormData()
            form.add_field("file", b"# Upload\n\n" + b"word " * 10_000, filename="upload.md")
            upload = await service.ask("POST", "/api/documents", headers=admin, data=form)
            assert (upload.status, upload.json["code"]) == (409, "conflict"), upload.body
            assert "disk" in upload.json["detail"]
            no_foreign_words(upload)
            for answer in answers:
                messages = await reader.messages(service, answer["session_id"])
                whole_pairs(messages)
                assert answer["message_id"] in {message["id"] for message in messages}
            assert (await service.ask("GET", "/health")).status == 200
            filler.unlink()
            for _ in range(20):
                if (again := (await reader.chat(service)).json)["saved"]:
                    break
            assert again["saved"], again["degraded"]
        with sqlite3.connect(disk / "data" / SQLITE_FILE) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()
        log = (disk / "service.log").read_text()
        assert "Traceback" not in log
    seen(
        f"real disk of {SIZE_MB} MB, filled: {len(answers)} committed answers, 0 lost; upload "
        f"{upload.status}; file whole; saved again when there was room"
    )


async def test_f18_page_limit_loses_no_row(docs, tmp_path, seen):
    """The engine's own limit of pages: the same error where no disk can be mounted."""
    async with (
        product(docs, tmp_path / "data", policies=QUICK, **SECRET) as site,
        watched(site, mode="extractive") as watch,
    ):
        reader = await sign_up(site)
        answers = [(await reader.chat(site)).json for _ in range(3)]
        file = tmp_path / "data" / SQLITE_FILE
        engine = site.container._adapters.database.engine
        with engine.connect() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar()
            connection.rollback()
        full = _Full(engine, pages)
        saved = []
        for _ in range(12):
            answer = (await reader.chat(site)).json
            saved.append(answer["saved"])
            if answer["saved"]:
                answers.append(answer)
            else:
                assert "disk" in answer["degraded"]
        assert saved[-1] is False
        reply = await watch.call(
            "POST", "/api/auth/sign-up/email",
            json={"email": "b@example.org", "password": "long-password", "name": "b" * 4000},
        )  # fmt: skip
        assert reply.status != 500
        for answer in answers:
            messages = await reader.messages(site, answer["session_id"])
            whole_pairs(messages)
            assert answer["message_id"] in {message["id"] for message in messages}
        full.empty()
        await soon(lambda: reader.chat(site), lambda r: r.json["saved"])
    with sqlite3.connect(file) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    seen(f"page limit: {len(answers)} committed answers, 0 lost; file whole")


class _Full:
    """No page more than now, on every connection of the engine."""

    def __init__(self, engine, pages: int) -> None:
        self._engine, self._pages = engine, pages
        event.listen(engine, "connect", self._limit)
        engine.dispose()

    def _limit(self, connection, _record) -> None:
        connection.execute(f"PRAGMA max_page_count = {self._pages}")

    def empty(self) -> None:
        self._pages = 2**30
        self._engine.dispose()
