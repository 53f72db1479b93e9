"""Puts the page together: header, tabs, and what happens when it opens."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from backend.services.limits import Limits
from ui import assets
from ui.access import Access, Caller, Doorman
from ui.chat import CONCURRENT_CHATS, Chat
from ui.diagnostics import Diagnostics
from ui.insights import Insights
from ui.knowledge import Knowledge
from ui.parts import Parts
from ui.welcome import welcome

_QUEUED = 256
_BADGES = {
    Access.VISITOR: ("Open to visitors", "Set ADMIN_TOKEN in the Space's secrets to sign in."),
    Access.LOCAL: ("On this machine", "No ADMIN_TOKEN is set: only this machine gets in."),
    Access.ADMIN: ("Signed in", "You showed the admin token."),
}


_HALF_MOON = (
    '<svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true"><circle cx="10" cy="10" '
    'r="7.2" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M10 2.8a7.2 7.2 0 0 1 0 14.4Z" fill="currentColor"/></svg>'
)


def build_blocks(parts: Parts, doorman: Doorman, limits: Limits, title: str) -> gr.Blocks:
    """The page. A new tab is a class like :class:`Chat`, built here."""
    chat = Chat(parts, doorman, limits)
    diagnostics = Diagnostics(parts, doorman)

    async def opened(request: gr.Request) -> tuple[Any, ...]:
        caller = doorman.admit_event(request)
        return header(title, caller), await diagnostics.show(request)

    async def offered(request: gr.Request) -> Any:
        doorman.admit_event(request)
        found = await welcome(parts)
        questions: list[Any] = [{"text": question} for question in found.questions]
        return gr.Chatbot(placeholder=found.placeholder, examples=questions)

    with gr.Blocks(title=title, analytics_enabled=False, fill_width=True) as blocks:
        head = gr.Markdown(
            header(title, None), elem_id="ba-header", sanitize_html=False, latex_delimiters=[]
        )
        with gr.Tabs(elem_id="ba-tabs"):
            with gr.Tab("Chat", id="chat", elem_id="ba-tab-chat"):
                messages = chat.build()
            if not doorman.open_to_visitors:
                with gr.Tab("Knowledge", id="knowledge", elem_id="ba-tab-knowledge") as tab:
                    Knowledge(parts, doorman).build(tab)
                with gr.Tab("Insights", id="insights", elem_id="ba-tab-insights") as tab:
                    Insights(parts, doorman).build(tab)
            with gr.Tab("Diagnostics", id="diagnostics", elem_id="ba-tab-diagnostics") as tab:
                report = diagnostics.build(tab)
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        blocks.load(opened, outputs=[head, report], **quiet)
        # By itself: while the service starts, the examples wait for it.
        blocks.load(offered, outputs=messages, **quiet)
    # Handlers are reached through the queue only, never by Gradio's direct API.
    blocks.queue(api_open=False, max_size=_QUEUED, default_concurrency_limit=CONCURRENT_CHATS)
    return blocks  # type: ignore[no-any-return]


def header(title: str, caller: Caller | None) -> str:
    """The bar at the top; the badge says how the caller got in."""
    badge = ""
    if caller is not None:
        words, hint = _BADGES[caller.access]
        badge = f'<span class="ba-badge" title="{escape(hint)}">{words}</span>'
    leave = ""
    if caller is not None and caller.access is Access.ADMIN:
        leave = (
            '<form method="post" action="logout">'
            '<button type="submit" class="ba-quiet">Sign out</button></form>'
        )
    return (
        f'<header class="ba-top"><img src="{assets.address("icon.svg")}" alt="" width="32" '
        f'height="32"><h1>{escape(" ".join(title.split()))}</h1>'
        f'<div class="ba-actions">{badge}'
        '<button type="button" class="ba-quiet ba-theme" aria-label="Light or dark">'
        f"{_HALF_MOON}</button>"
        f"{leave}</div></header>"
    )
