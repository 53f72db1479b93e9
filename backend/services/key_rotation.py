"""Rewrites every piece of stored personal data under the current key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from backend.account_ports import KeyRotation

BATCH = 200


@dataclass(frozen=True, slots=True)
class Rotation:
    """How far a rotation is: of the table that it is in, rows seen, rewritten and there in all."""

    table: str
    seen: int
    rewritten: int
    total: int


async def rotate_keys(
    store: KeyRotation, on_progress: Callable[[Rotation], None] = lambda _: None
) -> list[Rotation]:
    """Go through all tables in short transactions; safe to repeat and beside a running service.

    Raises:
        NotConfigured: A value cannot be opened with any key at hand; rows before it are done.
        UpstreamError: The database is away.
    """
    done = []
    for table in await store.encrypted_tables():
        state, after = Rotation(table, 0, 0, await store.count(table)), ""
        while True:
            seen, rewritten, last = await store.rewrite_batch(table, after, BATCH)
            state = replace(state, seen=state.seen + seen, rewritten=state.rewritten + rewritten)
            on_progress(state)
            if last is None:
                break
            after = last
        done.append(state)
    await store.forget_older_keys()
    return done
