"""Signing in and out: two forms, handled before Gradio sees anything."""

from __future__ import annotations

import math
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope

from backend.errors import AppError, RateLimited, TooLarge
from backend.services.admin import set_cookie_header
from backend.services.callers import client_address
from ui.access import Doorman
from ui.headers import NONCE, cleared_cookie_header
from ui.incoming import is_https
from ui.pages import Pages
from ui.throttle import Tries

_MAX_FORM_BYTES = 8 * 1024
_SEE_OTHER = 303


class SignIn:
    """Answers ``/login`` and ``/logout`` with relative addresses, which hold behind any proxy."""

    def __init__(self, doorman: Doorman, pages: Pages, tries: Tries) -> None:
        self._doorman = doorman
        self._pages = pages
        self._tries = tries

    async def login(self, scope: Scope, receive: Receive) -> Response:
        """The form, or what becomes of what was sent with it."""
        if not self._doorman.gate.configured:
            return _to("./")
        if scope["method"] != "POST":
            return self._page(scope)
        address = client_address(scope)
        if wait := self._tries.wait_s(address):
            return self._refused(scope, RateLimited(_pause(wait), retry_after_s=wait))
        form = parse_qs((await _body(receive)).decode("utf-8", "replace"))
        try:
            cookie = self._doorman.gate.sign_in(form.get("token", [""])[0].strip(), address)
        except RateLimited as error:
            return self._refused(scope, error)
        except AppError:
            return self._wrong(scope, address)
        self._tries.succeeded(address)
        return _to("./", set_cookie_header(cookie, https=is_https(scope)))

    def logout(self, scope: Scope) -> Response:
        """Removes the cookie; a link to here only leads back."""
        if scope["method"] != "POST":
            return _to("./")
        return _to("login", cleared_cookie_header(https=is_https(scope)))

    def _wrong(self, scope: Scope, address: str) -> Response:
        self._tries.failed(address)
        if wait := self._tries.wait_s(address):
            return self._refused(scope, RateLimited(_pause(wait), retry_after_s=wait))
        return self._page(
            scope,
            "That is not the admin token. It is the value of ADMIN_TOKEN, without quotes.",
            status=401,
        )

    def _refused(self, scope: Scope, error: AppError) -> Response:
        response = self._page(scope, error.detail, status=error.status)
        response.headers["retry-after"] = str(math.ceil(error.retry_after_s or 1))
        return response

    def _page(self, scope: Scope, problem: str = "", *, status: int = 200) -> Response:
        return HTMLResponse(self._pages.sign_in(scope[NONCE], problem), status_code=status)


def _to(address: str, cookie: str | None = None) -> Response:
    response = Response(status_code=_SEE_OTHER, headers={"location": address})
    if cookie:
        # Not set_cookie(): it knows no partitioned cookies before Python 3.14.
        response.headers.append("set-cookie", cookie)
    return response


def _pause(wait_s: float) -> str:
    return f"Too many wrong tokens came from your address; try again in {math.ceil(wait_s)} s."


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > _MAX_FORM_BYTES:
            raise TooLarge(f"The form may have {_MAX_FORM_BYTES} bytes.")
        if message["type"] != "http.request" or not message.get("more_body"):
            return body
