"""What is done to the database from the command line, beside a running service or without one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from backend.errors import NotConfigured

if TYPE_CHECKING:
    from backend.adapters.sql.engine import Database
    from backend.adapters.sql.migrate import SchemaState
    from backend.services.key_rotation import Rotation
    from backend.settings import Loaded


async def migrate(loaded: Loaded) -> SchemaState:
    """Bring the schema up to date, as the service does at the first use of its database.

    Raises:
        NotConfigured: The database was changed by a newer version and is left as it is.
        UpstreamError: The database is away.
    """
    async with _database(loaded) as (_, state):
        return state


async def rotate_keys(
    loaded: Loaded, on_progress: Callable[[Rotation], None] = lambda _: None
) -> list[Rotation]:
    """Rewrite all personal data under the current key; the schema is brought up to date before.

    Args:
        loaded: The configuration; ``DATA_ENCRYPTION_KEY_PREVIOUS`` opens what is there.
        on_progress: Called after each batch of rows.

    Returns:
        One entry for each table.

    Raises:
        NotConfigured: There is no key, or none that opens a value; rows before it are done, and
            the previous key stays needed.
        UpstreamError: The database is away.
    """
    from backend.adapters.sql.rotation import SqlKeyRotation
    from backend.services import key_rotation
    from backend.wiring import data_ring

    settings = loaded.settings
    if settings.neon_api_key and not (settings.data_encryption_key or settings.better_auth_secret):
        raise NotConfigured(
            "Keys are not rotated: a key that is kept on this machine alone would lock the "
            "others out; set DATA_ENCRYPTION_KEY or BETTER_AUTH_SECRET."
        )
    ring = data_ring(settings)
    async with _database(loaded) as (database, _):
        return await key_rotation.rotate_keys(SqlKeyRotation(database, ring), on_progress)


@asynccontextmanager
async def _database(loaded: Loaded) -> AsyncIterator[tuple[Database, SchemaState]]:
    """The configured database with the schema of this version."""
    from backend.adapters.sql.engine import Database
    from backend.adapters.sql.migrate import upgrade
    from backend.wiring import database_url

    states: list[SchemaState] = []
    database = Database(
        database_url(loaded.settings), on_first_use=lambda c: states.append(upgrade(c))
    )
    try:
        await database.prepare()
        (state,) = states
        if state.problem is not None:
            raise NotConfigured(state.problem)
        yield database, state
    finally:
        await database.aclose()
