"""The diagnostics tab: what is missing or wrong comes first, with the way to mend it."""

from __future__ import annotations

import asyncio
from typing import Any

import gradio as gr

from backend.services.cors_tester import MAX_ORIGIN_CHARS, Verdict, judge
from backend.services.fingerprints import fingerprints
from backend.services.host import HostFacts, host_facts
from ui import bridge
from ui.access import Access, Caller, Doorman
from ui.markup import note, text
from ui.parts import Parts
from ui.report import render


class Diagnostics:
    """The tab's components and what they do.

    Visitors see the last known results; asking the parts anew, and what the machine tells about
    itself, is for maintainers; marks of the secrets are for those who showed the admin token.
    """

    def __init__(self, parts: Parts, doorman: Doorman) -> None:
        self._parts = parts
        self._doorman = doorman

    def build(self, tab: gr.Tab) -> gr.Markdown:
        """Place the components; returns the one to fill with :meth:`show`."""
        with gr.Row(elem_id="ba-tools"):
            refresh = gr.Button("Check again", elem_id="ba-refresh", size="sm", scale=0)
            gr.Button("Copy as Markdown", elem_id="ba-copy-report", size="sm", scale=0)
        # Not gr.HTML: its templates need eval, which the page's policy forbids.
        view = gr.Markdown(
            render({}, {}, ""), elem_id="ba-report", sanitize_html=False, latex_delimiters=[]
        )
        with gr.Column(elem_id="ba-cors"):
            gr.Markdown(_CORS_INTRODUCTION, sanitize_html=False, latex_delimiters=[])
            with gr.Row(elem_classes=["ba-form"]):
                origin = gr.Textbox(
                    label="Address of a page, or its origin",
                    placeholder="https://book.example/docs/intro",
                    max_length=MAX_ORIGIN_CHARS,
                    max_lines=1,
                    scale=1,
                )
                test = gr.Button("Test", elem_id="ba-cors-test", size="sm", scale=0, min_width=88)
            verdict = gr.Markdown(
                "", elem_id="ba-verdict", sanitize_html=False, latex_delimiters=[]
            )
        quiet: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "concurrency_limit": 4,
        }
        gr.on([refresh.click, tab.select], self.probe, outputs=view, **quiet)
        gr.on([test.click, origin.submit], self.test, inputs=origin, outputs=verdict, **quiet)
        return view

    async def show(self, request: gr.Request) -> str:
        """The report with the last known results."""
        return await self._view(self._doorman.admit_event(request), probe=False)

    async def probe(self, request: gr.Request) -> str:
        """The report after asking every part now."""
        caller = self._doorman.admit_event(request)
        return await self._view(caller, probe=caller.access is not Access.VISITOR)

    def test(self, origin: str, request: gr.Request) -> str:
        """What a browser would be told for this origin."""
        self._doorman.admit_event(request)
        settings = self._parts.settings
        own = settings.space_host or request.headers.get("host", "").rpartition(":")[0]
        allowed = settings.cors_allowed_origins
        return _verdict(judge(bridge.typed(origin), allowed, own_host=own, https=settings.on_space))

    async def _view(self, caller: Caller, *, probe: bool) -> str:
        report = await self._parts.diagnostics.report(probe=probe)
        host: HostFacts | None = None
        if caller.access is not Access.VISITOR:
            host = await asyncio.to_thread(host_facts, self._parts.settings.data_dir)
        marks: dict[str, str] = {}
        if caller.access is Access.ADMIN:
            marks = await asyncio.to_thread(fingerprints, self._parts.settings)
        return render(
            report.to_dict(),
            self._parts.circuits(),
            report.to_markdown(),
            changes=self._parts.circuit_changes(),
            host=host,
            fingerprints=marks,
            on_space=self._parts.settings.on_space,
        )


_CORS_INTRODUCTION = (
    "<h3>May a page call this service?</h3><p>Browsers ask CORS_ALLOWED_ORIGINS. "
    "See here what they would be told, and why.</p>"
)


def _verdict(verdict: Verdict) -> str:
    if not verdict.origin:
        return note(f"{verdict.why} {verdict.fix}", kind="ba-bad")
    said = "may call this service" if verdict.allowed else "may not call this service"
    first = note(f"`{verdict.origin}` {said}.", kind="ba-good" if verdict.allowed else "ba-bad")
    lines = "&#10;".join(f"{text(name)}: {text(value)}" for name, value in verdict.headers)
    rest = "".join(
        f"<p>{text(words)}</p>" for words in (verdict.why, verdict.fix, verdict.cookie) if words
    )
    return f'{first}<div class="ba-card">{rest}<pre>{lines}</pre></div>'
