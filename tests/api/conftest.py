from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.fakes import FakeContainer
from tests.api.serving import Site, serving


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lasting_site() -> AsyncIterator[Site]:
    """One server for many tests: stopping one takes longer than most of them."""
    async with serving() as running:
        yield running


@pytest.fixture
def site(lasting_site: Site) -> Site:
    """A server without limits, without an admin token, off a Space; its services are new.

    Tests that use it run in the session's loop: ``pytestmark = LASTING``.
    """
    lasting_site.use(FakeContainer())
    return lasting_site
