"""Fixtures for tests that need databases: import them into the test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One real server for the whole run."""
    with postgres_server() as server:
        yield server
