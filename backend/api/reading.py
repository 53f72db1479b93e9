"""The book's pages as plain HTML, so that citations lead somewhere without a site of their own."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from backend.api.deps import container_of
from backend.api.docs import errors
from backend.api.middleware.security import FRAME_ANCESTORS
from backend.errors import NotFound

router = APIRouter(tags=["Reading"], default_response_class=Response)

_STYLE = """\
:root{color-scheme:light dark;--text:#1d2228;--soft:#59636e;--line:#d8dee4;--code:#f3f5f7;--mark:#fff3c4;--link:#0b5cad;--page:#fff}
@media(prefers-color-scheme:dark){:root{--text:#e4e8ec;--soft:#9aa5b1;--line:#343c45;--code:#1f252c;--mark:#4a3d0c;--link:#7db8f5;--page:#14181c}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1.0625rem/1.65 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;-webkit-text-size-adjust:100%}
main{max-width:44rem;margin:0 auto;padding:2.5rem 1.25rem 5rem;overflow-wrap:break-word}
h1,h2,h3,h4,h5,h6{line-height:1.25;margin:2.2em 0 .6em;scroll-margin-top:1rem;text-wrap:balance}
h1{font-size:2rem;margin-top:0}h2{font-size:1.45rem}h3{font-size:1.2rem}
:target{background:var(--mark);border-radius:.25rem;box-shadow:0 0 0 .35rem var(--mark)}
a{color:var(--link)}img,svg,video{max-width:100%;height:auto}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.9em}
code{background:var(--code);padding:.1em .3em;border-radius:.25rem}
pre{background:var(--code);padding:1rem;border-radius:.5rem;overflow-x:auto;line-height:1.5;direction:ltr;text-align:left}pre code{padding:0;background:none}
blockquote{margin:1em 0;padding:.1em 1em;border-inline-start:.25rem solid var(--line);color:var(--soft)}
table{display:block;overflow-x:auto;border-collapse:collapse}th,td{padding:.4rem .75rem;border:1px solid var(--line);text-align:start;vertical-align:top}
hr{border:0;border-top:1px solid var(--line);margin:2.5em 0}
"""  # noqa: E501
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src 'self' data:; "
    f"base-uri 'none'; form-action 'none'; {FRAME_ANCESTORS}"
)
_HEADERS = {"content-security-policy": _POLICY, "cache-control": "no-cache"}
_PAGE_DECLARED = {
    "description": "The chapter as a page.",
    "content": {"text/html": {"schema": {"type": "string"}}},
}
_PAGE = """\
<!doctype html>
<html lang="und" dir="auto">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title><style>{style}</style></head>
<body><main>{html}</main></body>
</html>
"""


@router.get(
    "/read/{page:path}",
    summary="Read a chapter",
    responses={**errors(404, 500, 503), 200: _PAGE_DECLARED},
)
async def read(page: str, request: Request) -> Response:
    """Show a chapter as it is in the index. Headings have the ids that citations link to."""
    container = container_of(request)
    await container.ready()
    try:
        found = await container.reading.page(page)
    except NotFound as error:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return _html(
            "Not in the book", f"<h1>Not in the book</h1><p>{escape(error.detail)}</p>", 404
        )
    return _html(found.title, found.html)


def _html(title: str, html: str, status: int = 200) -> Response:
    page = _PAGE.format(title=escape(title), style=_STYLE, html=html)
    return HTMLResponse(page, status, _HEADERS)
