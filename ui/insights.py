"""The insights tab: what readers ask, and what the book lacks. For maintainers only."""

from __future__ import annotations

from typing import Any

import gradio as gr

from backend.errors import AppError, Forbidden
from ui.access import Access, Doorman
from ui.insights_view import render
from ui.markup import note
from ui.parts import Parts

_DAYS = {"7 days": 7, "30 days": 30, "90 days": 90}
_WAITING = '<p class="ba-wait">Counting</p>'


class Insights:
    """The tab's components and what they do."""

    def __init__(self, parts: Parts, doorman: Doorman) -> None:
        self._parts = parts
        self._doorman = doorman

    def build(self, tab: gr.Tab) -> None:
        """Place the components and wire them."""
        with gr.Column(elem_classes=["ba-section"]):
            with gr.Row(elem_classes=["ba-form"], elem_id="ba-insights-tools"):
                days = gr.Radio(list(_DAYS), value="30 days", label="The last", elem_id="ba-days")
                gr.Markdown(
                    '<button type="button" class="ba-plain ba-download" value="ba-csv">'
                    "Export as CSV</button>",
                    sanitize_html=False,
                )
            view = gr.Markdown(
                _WAITING, sanitize_html=False, latex_delimiters=[], elem_id="ba-insights"
            )
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        gr.on([tab.select, days.change], self.show_insights, inputs=days, outputs=view, **quiet)

    async def show_insights(self, days: object, request: gr.Request) -> str:
        """The report on the last days."""
        if self._doorman.admit_event(request).access is Access.VISITOR:
            raise Forbidden("This is for maintainers only.")
        chosen = _DAYS.get(days, 30) if isinstance(days, str) else 30
        try:
            await self._parts.ready()
            return render(await self._parts.insights.report(chosen))
        except AppError as error:
            return note(error.detail, kind="ba-bad")
