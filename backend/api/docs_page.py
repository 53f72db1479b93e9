"""The interactive API reference at /docs, from this origin alone: no script of another host."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import FileResponse, HTMLResponse, Response

from backend.api.about import SERVICE
from backend.api.middleware.security import FRAME_ANCESTORS
from backend.errors import NotFound

router = APIRouter(include_in_schema=False)

DOCS_PATH = "/docs"
_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@router.get(DOCS_PATH)
async def reference() -> Response:
    """Show the page."""
    page, policy = _page()
    return HTMLResponse(page, headers={"content-security-policy": policy})


@router.get(DOCS_PATH + "/assets/{name}")
async def asset(name: str) -> Response:
    """Send a part of Swagger UI, which the fastapi-offline package ships."""
    if name not in _ASSETS:
        raise NotFound("The API reference has no such file.")
    headers = {"cache-control": "public, max-age=86400"}
    return FileResponse(f"{_folder()}/{name}", media_type=_ASSETS[name], headers=headers)


@lru_cache(maxsize=1)
def _folder() -> str:
    from importlib.resources import files

    return str(files("fastapi_offline") / "static")


@lru_cache(maxsize=1)
def _page() -> tuple[str, str]:
    """The page and its policy, which allows the one inline script by its hash."""
    page = bytes(
        get_swagger_ui_html(
            openapi_url="openapi.json",
            title=f"{SERVICE} API",
            swagger_js_url="docs/assets/swagger-ui-bundle.js",
            swagger_css_url="docs/assets/swagger-ui.css",
            swagger_favicon_url="docs/assets/favicon.png",
        ).body
    ).decode()
    digests = (hashlib.sha256(script.encode()).digest() for script in _INLINE.findall(page))
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    policy = (
        f"default-src 'none'; script-src 'self' {allowed}; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data:; connect-src 'self'; {FRAME_ANCESTORS}"
    )
    return page, policy
