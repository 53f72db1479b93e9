from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.fakes import FakeContainer
from tests.api.serving import Site, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what uses the lasting site in the loop that serves it."""
    for item in items:
        if "lasting_site" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lasting_site() -> AsyncIterator[Site]:
    """One server for many tests: stopping one takes longer than most of them."""
    async with serving() as running:
        yield running


@pytest.fixture
def site(lasting_site: Site) -> Site:
    """A server without limits, without an admin token, off a Space; its services are new."""
    lasting_site.use(FakeContainer())
    return lasting_site
