"""Who is shown what of the diagnostics."""

from __future__ import annotations

import logging
import re

import gradio as gr
import pytest
from starlette.requests import Request

from backend.services.admin import COOKIE_NAME, AdminGate
from backend.services.fingerprints import fingerprints
from tests.ui.fakes import ADMIN_TOKEN, FakeContainer
from tests.unit.ui.asgi import scope_of
from ui.access import Doorman
from ui.diagnostics import Diagnostics

KEYS = {"DATA_ENCRYPTION_KEY": "test-key-not-real-0123456789"}
SPACE = {"SPACE_ID": "somebody/book", "SPACE_HOST": "somebody-book.hf.space"}


async def shown_to(environ: dict[str, str], *, signed_in: bool = False) -> tuple[str, set[str]]:
    """What the tab shows, and the marks of the secrets that are set."""
    container = FakeContainer(environ)
    settings = container.settings
    token = settings.admin_token.get_secret_value() if settings.admin_token else None
    gate = AdminGate(token, on_space=settings.on_space)
    headers = {"cookie": f"{COOKIE_NAME}={gate.issue_cookie()}"} if signed_in else {}
    event = gr.Request(Request(scope_of("POST", "/gradio_api/queue/join", headers=headers)))
    tab = Diagnostics(container, Doorman(gate, on_space=settings.on_space))
    return await tab.show(event), set(fingerprints(settings).values())


async def test_a_signed_in_admin_sees_fingerprints_but_cannot_copy_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        html, marks = await shown_to({**KEYS, "ADMIN_TOKEN": ADMIN_TOKEN}, signed_in=True)

    copied = re.search(r'<pre class="ba-markdown" hidden>(.*?)</pre>', html)
    assert len(marks) == 2
    assert all(f"fingerprint {mark}" in html for mark in marks)
    assert copied is not None
    assert not any(mark in copied[1] + caplog.text for mark in marks)


@pytest.mark.parametrize("environ", [KEYS, {**KEYS, **SPACE}], ids=["this machine", "visitor"])
async def test_nobody_else_sees_fingerprints(environ: dict[str, str]) -> None:
    html, marks = await shown_to(environ)

    assert marks
    assert "fingerprint" not in html
    assert not any(mark in html for mark in marks)


async def test_no_report_of_the_service_holds_a_fingerprint() -> None:
    container = FakeContainer(KEYS)
    marks = fingerprints(container.settings).values()
    report = await container.diagnostics.report(probe=True)

    for said in (str(report.to_dict()), report.to_text(), report.to_markdown()):
        assert not any(mark in said for mark in marks)
