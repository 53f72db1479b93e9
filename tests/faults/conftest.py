"""What the fault tests share: a book, doubles behind proxies, and a place for what was seen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.doubles.openai import OpenAIDouble
from tests.doubles.qdrant import QdrantDouble
from tests.e2e.product import write_book
from tests.faults.proxy import FaultProxy
from tests.postgres import PostgresServer, postgres_server


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return write_book(tmp_path / "docs")


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIDouble]:
    async with OpenAIDouble() as double:
        yield double


@pytest.fixture
async def qdrant() -> AsyncIterator[QdrantDouble]:
    async with QdrantDouble() as double:
        yield double


@pytest.fixture
async def model_line(openai: OpenAIDouble) -> AsyncIterator[FaultProxy]:
    """The connection to the model server."""
    async with FaultProxy(openai.port) as proxy:
        yield proxy


@pytest.fixture
async def index_line(qdrant: QdrantDouble) -> AsyncIterator[FaultProxy]:
    """The connection to the index server."""
    async with FaultProxy(qdrant.port) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for the tests that leave it running."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def seen(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Tell the figure that was seen, for the report."""

    def tell(figure: str) -> None:
        record_property("seen", figure)

    return tell


def durable(server: PostgresServer) -> str:
    """A new database that keeps what it acknowledged over a crash; the others are faster."""
    name = server.database()
    server.psql("postgres", f"ALTER DATABASE {name} SET synchronous_commit = on")
    return name


@pytest.fixture
def postgres_of_its_own() -> Iterator[PostgresServer]:
    """A PostgreSQL that the test may stop and crash."""
    with postgres_server() as server:
        yield server
        if not (server.data / "postmaster.pid").exists():
            server.start()
