from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.api.serving import Site, serving


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A server without limits, without an admin token, off a Space."""
    async with serving() as running:
        yield running
