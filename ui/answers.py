"""How an answer looks: Markdown for its text, our own HTML for what stands below it. Pure.

Everything that comes from a model, a document or an error is escaped or sanitised here. The HTML
holds no blank line, because Markdown would end it there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from backend.domain import Answer, Citation, Mode, Trace
from backend.text.sanitize import over_prose, sanitize
from ui.links import addresses_of, only_known
from ui.markup import act, duration, money, text
from ui.passages import passage_html
from ui.why import why_of

RATING_SLOT = "\x00rating\x00"
"""Stands in a foot where the rating goes; no text from elsewhere keeps a control character."""

_MODES = {
    Mode.GENERATED: ("Written from the book", "by the language model"),
    Mode.EXTRACTIVE: ("Quoted from the book", "word for word, without a language model"),
    Mode.REFUSED: ("Not in the book", "nothing there supports an answer to this"),
}
_COPY = '<button type="button" class="ba-copy-answer">Copy</button>'
_RETRY = act("retry", "Ask again", kind="ba-retry")
_THUMB = (  # in pixels: the page's sanitiser drops a viewBox
    '<svg width="16" height="16"><path fill="none" stroke="currentColor" stroke-width="1.5" '
    'stroke-linejoin="round" d="M4.8 7.4v6.4H2.4V7.4Zm0 0L7.6 2a2 2 0 0 1 2 2v2.4h3a1.5 1.5 0 0 1 '
    '1.5 1.8l-1 4.4a1.5 1.5 0 0 1-1.5 1.2H4.8"/></svg>'
)
_CITED = re.compile(r"(?<!\\)\[(\d{1,3})\](?!\()")
_LISTED = re.compile(r"\n\n[^\n]+:\n(?:- [^\n]*\[\d+\]\n?)+\Z")
"""The end of a refusal: the closest sections as a list."""
_WEB = re.compile(r"https?://[^\s\"'<>\\]+", re.IGNORECASE)
_OWN_PAGE = re.compile(r"/(?!/)[^\s\"'<>\\]*")


def shown_of(answer: Answer) -> str:
    """A finished answer's Markdown; a refusal without the list that stands below it as cards."""
    refused = answer.mode is Mode.REFUSED
    said = _LISTED.sub("", answer.text) if refused else answer.text
    return text_of(said, answer.citations, answer.trace)


def text_of(answer: str, citations: Sequence[Citation], trace: Trace | None = None) -> str:
    """The answer's Markdown, safe to render, its ``[n]`` leading to the cited pages.

    No other link stays than to the sources, and those that the passages themselves have.
    """
    known = addresses_of(citations, trace)
    by_number = {citation.n: citation for citation in citations}

    def mark(match: re.Match[str]) -> str:
        citation = by_number.get(int(match[1]))
        return _mark(citation) if citation else match[0]

    return over_prose(sanitize(answer), lambda prose: _CITED.sub(mark, only_known(prose, known)))


def foot_of(answer: Answer, *, explained: bool = False) -> str:
    """What stands below a finished answer: how it came about, its sources, how long it took.

    ``explained``: with the panel that shows why, which is for maintainers only.
    """
    name, how = _MODES[answer.mode]
    warning = f'<p class="ba-warn">{text(answer.degraded)}</p>' if answer.degraded else ""
    heading = "Closest sections" if answer.mode is Mode.REFUSED else "Sources"
    return (
        f'<div class="ba-foot">{warning}{_sources(heading, answer.citations, answer.trace)}'
        f'<div class="ba-bar"><span class="ba-mode ba-{answer.mode.value}"><b>{name}</b> '
        f'<span class="ba-how">{how}</span></span>{_took(answer)}'
        f'<span class="ba-do">{RATING_SLOT}{_COPY}{_RETRY}</span></div>'
        f"{why_of(answer) if explained else ''}</div>"
    )


def rated(foot: str, position: int, rating: str) -> str:
    """The foot with what its reader thinks of it, and the buttons to say so.

    Args:
        foot: As :func:`foot_of` made it.
        position: The answer's place on the page.
        rating: ``up``, ``down`` or nothing yet.
    """
    buttons = "".join(
        f'<button type="button" class="ba-act ba-thumb ba-{way}{" ba-on" * (way == rating)}" '
        f'value="rate {position} {way}" title="{title}">{_THUMB}'
        f'<span class="ba-hidden">{title}</span></button>'
        for way, title in (("up", "Helpful"), ("down", "Not helpful"))
    )
    return foot.replace(RATING_SLOT, buttons)


def waiting(sentence: str) -> str:
    """What stands where the answer is going to be."""
    return f'<div class="ba-foot"><p class="ba-wait">{escape(sentence)}</p></div>'


def problem(sentence: str) -> str:
    """What stands where an answer should have been."""
    return (
        '<div class="ba-foot"><p class="ba-warn ba-error"><b>No answer.</b> '
        f'{text(sentence)} <a href="?tab=diagnostics">See Diagnostics</a></p>'
        f'<div class="ba-bar"><span class="ba-do">{_RETRY}</span></div></div>'
    )


def stopped(sentence: str) -> str:
    """What stands below an answer that was cut."""
    return (
        f'<div class="ba-foot"><div class="ba-bar"><span>{escape(sentence)}</span>'
        f'<span class="ba-do">{_RETRY}</span></div></div>'
    )


def _mark(citation: Citation) -> str:
    title = text(_where(citation))
    if address := _address(citation.url):
        link = (
            f'<a href="{address}" target="_blank" rel="noopener" title="{title}">{citation.n}</a>'
        )
    else:
        link = f'<button type="button" title="{title}">{citation.n}</button>'
    return f'<sup class="ba-cite">{link}</sup>'


def _sources(heading: str, citations: Sequence[Citation], trace: Trace | None) -> str:
    if not citations:
        return ""
    items = "".join(_source(citation, trace) for citation in citations)
    return f'<p class="ba-head">{heading}</p><ol class="ba-sources">{items}</ol>'


def _source(citation: Citation, trace: Trace | None) -> str:
    address = _address(citation.url)
    link = (
        f'<a href="{address}" target="_blank" rel="noopener">Open the page</a>' if address else ""
    )
    return (
        f'<li><details><summary><span class="ba-n">{citation.n}</span>'
        f'<span class="ba-where">{_path(citation)}</span></summary>'
        f'<div class="ba-passage"><blockquote>{passage_html(citation, trace)}</blockquote>'
        f'<p class="ba-from">{link}<span>{text(citation.source)}</span></p></div></details></li>'
    )


def _path(citation: Citation) -> str:
    steps = [step for step in citation.heading_path if step != citation.title]
    title = f"<b>{text(citation.title)}</b>"
    return title + "".join(f" <i>›</i> <span>{text(step)}</span>" for step in steps)


def _where(citation: Citation) -> str:
    return " › ".join(dict.fromkeys([citation.title, *citation.heading_path]))


def _took(answer: Answer) -> str:
    total = answer.timings_ms.get("total") or sum(answer.timings_ms.values())
    facts = [f"<b>{duration(total)}</b>"] if total else []
    if answer.usage.total_tokens:
        facts.append(f"{answer.usage.total_tokens:,} tokens")
        if answer.usage.cost_usd is not None:
            facts.append(money(answer.usage.cost_usd))
    return f'<span class="ba-took">{" · ".join(facts)}</span>' if facts else ""


def _address(url: str) -> str:
    """The address as an attribute; "" unless it leads to the web or to a page of this service."""
    if _WEB.fullmatch(url):
        return escape(url)
    return escape(f"..{url}") if _OWN_PAGE.fullmatch(url) else ""
