"""The pages that need no Gradio: signing in, waiting, and what went wrong."""

from __future__ import annotations

import base64
from html import escape

from backend.errors import AppError
from ui import assets

_DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="icon" href="{icon}">
<style>{css}</style>
{head}
</head>
<body><main><div class="card"><img class="mark" src="{icon}" alt="">
<h1>{book}</h1>
{body}
</div></main>{foot}</body>
</html>
"""
_SIGN_IN = """\
<p class="sub">Sign in to the book's assistant</p>
{problem}
<form method="post" action="login">
<label for="token">Admin token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button type="submit">Sign in</button>
</form>
<p class="hint">It is the value of <code>ADMIN_TOKEN</code> in the settings of this service.</p>"""
_LOADING = """\
<p class="sub">Opening the book</p>
<p role="status">The page is being prepared. It appears by itself, usually in a few seconds.</p>
<div class="bar"><i></i></div>"""
_LOADING_HEAD = '<noscript><meta http-equiv="refresh" content="3"></noscript>'
_HOW_TO_OPEN = """\
<p>To use it from elsewhere:</p>
<ol><li>Set <code>ADMIN_TOKEN</code> to a long random text in the service's environment.</li>
<li>Restart the service and open this page again.</li>
<li>Sign in with that text.</li></ol>
<p class="hint">On the machine itself it opens without a token, at
<code>http://localhost</code> and the service's port.</p>"""


class Pages:
    """Renders each page with the book's title; all text from elsewhere is escaped."""

    def __init__(self, book_title: str) -> None:
        self._book = book_title

    def sign_in(self, nonce: str, problem: str = "") -> str:
        """The sign-in form, with what was wrong before."""
        body = _SIGN_IN.format(problem=_problem(problem) if problem else "")
        return self._page("Sign in", body, nonce)

    def loading(self, nonce: str) -> str:
        """Turns into the UI when that is ready; without scripts by reloading itself."""
        script = f'<script nonce="{nonce}">{assets.text("loading.js")}</script>'
        return self._page("Opening", _LOADING, nonce, head=_LOADING_HEAD, foot=script)

    def failed(self, nonce: str, problem: str) -> str:
        """Says that there is no UI, and that the rest works."""
        body = (
            '<p class="sub">This page could not be opened</p>'
            f"{_problem(problem)}<p>Readers are not affected: the API answers as usual.</p>"
        )
        return self._page("Not available", body, nonce)

    def refused(self, nonce: str, error: AppError, *, local: bool) -> str:
        """Says why the UI does not open for this caller; ``local``: no token is set."""
        body = f'<p class="sub">This page does not open from here</p>{_problem(error.detail)}'
        if local and error.status == 403:
            body += _HOW_TO_OPEN
        return self._page("Not open", body, nonce)

    def _page(self, name: str, body: str, nonce: str, *, head: str = "", foot: str = "") -> str:
        icon = base64.b64encode(assets.text("icon.svg").encode()).decode()
        return _DOCUMENT.format(
            title=escape(f"{name} · {self._book}"),
            book=escape(self._book),
            icon=f"data:image/svg+xml;base64,{icon}",
            css=assets.text("page.css"),
            head=head,
            body=body,
            foot=foot,
        )


def _problem(sentence: str) -> str:
    return f'<p class="problem" role="alert">{escape(sentence)}</p>'
