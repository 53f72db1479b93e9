"""A real PgBouncer in transaction mode before a real PostgreSQL: what Neon's ``-pooler`` is."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.postgres import PostgresServer

START_S = 10.0
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""None where the Debian package ``pgbouncer`` is not installed."""


@dataclass(frozen=True, slots=True)
class Pooler:
    """A running pooler. ``log`` is the file that it writes."""

    port: int
    log: Path

    def dsn(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


@contextmanager
def pgbouncer(server: PostgresServer, *, connections: int) -> Iterator[Pooler]:
    """Run until the block ends, with at most so many connections to the server."""
    assert PROGRAM is not None
    uid = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None  # it refuses to be root
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    port = _free_port()
    (folder / "users.txt").write_text('"postgres" ""\n')
    log = folder / "log"
    lines = (
        "[databases]",
        f"* = host=127.0.0.1 port={server.port} user=postgres",
        "[pgbouncer]",
        "pool_mode = transaction",
        f"default_pool_size = {connections}",
        f"max_db_connections = {connections}",
        "max_client_conn = 200",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = trust",
        f"auth_file = {folder / 'users.txt'}",
        f"logfile = {log}",
        "server_login_retry = 0.2",
    )
    (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    if uid is not None:
        for path in (folder, *folder.iterdir()):
            os.chown(path, uid, -1)
    process = subprocess.Popen(
        [PROGRAM, "--quiet", str(folder / "pgbouncer.ini")], user=uid,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _listens(process, port)
        yield Pooler(port, log)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _listens(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert process.poll() is None, "pgbouncer ended at once"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("pgbouncer does not listen")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
