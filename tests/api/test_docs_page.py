import re

from tests.api.serving import serving


async def test_reference_loads_nothing_from_another_host():
    async with serving() as site:
        page = await site.ask("GET", "/docs")
        assert page.status == 200
        html = page.body.decode()
        addresses = re.findall(r'(?:src|href)="([^"]+)"', html)
        assert len(addresses) == 3
        for address in addresses:
            asset = await site.ask("GET", f"/{address}")
            assert asset.status == 200, address
            assert len(asset.body) > 1_000
        assert "://" not in "".join(addresses)
        policy = page.headers["content-security-policy"]
        assert "script-src 'self' 'sha256-" in policy
        assert "http" not in policy.split("frame-ancestors")[0]


async def test_reference_serves_no_other_file():
    async with serving() as site:
        for name in ("redoc.standalone.js", "..%2f__init__.py", "core.py"):
            assert (await site.ask("GET", f"/docs/assets/{name}")).status == 404
