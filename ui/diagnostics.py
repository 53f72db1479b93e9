"""The diagnostics tab: what is missing or wrong comes first, with the way to mend it."""

from __future__ import annotations

import gradio as gr

from ui.access import Doorman
from ui.parts import Parts
from ui.report import render


class Diagnostics:
    """The tab's components and what they do."""

    def __init__(self, parts: Parts, doorman: Doorman) -> None:
        self._parts = parts
        self._doorman = doorman

    def build(self) -> gr.Markdown:
        """Place the components; returns the one to fill with :meth:`show`."""
        with gr.Row(elem_id="ba-tools"):
            refresh = gr.Button("Check again", elem_id="ba-refresh", size="sm", scale=0)
            gr.Button("Copy as Markdown", elem_id="ba-copy-report", size="sm", scale=0)
        # Not gr.HTML: its templates need eval, which the page's policy forbids.
        view = gr.Markdown(
            render({}, {}, ""), elem_id="ba-report", sanitize_html=False, latex_delimiters=[]
        )
        refresh.click(
            self.probe,
            outputs=view,
            api_visibility="private",
            show_progress="hidden",
            concurrency_limit=4,
        )
        return view

    async def show(self, request: gr.Request) -> str:
        """The report with the last known results."""
        return await self._view(request, probe=False)

    async def probe(self, request: gr.Request) -> str:
        """The report after asking every part now."""
        return await self._view(request, probe=True)

    async def _view(self, request: gr.Request, *, probe: bool) -> str:
        self._doorman.admit_event(request)
        report = await self._parts.diagnostics.report(probe=probe)
        return render(report.to_dict(), self._parts.circuits(), report.to_markdown())
