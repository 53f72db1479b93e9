"""How an answer looks: Markdown for its text, our own HTML for what stands below it. Pure.

Everything that comes from a model, a document or an error is escaped or sanitised here. The HTML
holds no blank line, because Markdown would end it there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from backend.domain import Answer, Citation, Mode
from backend.text.sanitize import over_prose, sanitize, strip_controls

MAX_QUOTE_CHARS = 1_200

_MODES = {
    Mode.GENERATED: ("Written from the book", "by the language model, from the passages below"),
    Mode.EXTRACTIVE: ("Quoted from the book", "word for word, without a language model"),
    Mode.REFUSED: ("Not in the book", "nothing there supports an answer to this"),
}
_COPY = '<button type="button" class="ba-copy-answer">Copy</button>'
_RETRY = '<button type="button" class="ba-retry">Ask again</button>'
_STEPS = {
    "embed": "understanding",
    "search": "search",
    "first_token": "first word",
    "generate": "writing",
    "quote": "quoting",
}
_CITED = re.compile(r"(?<!\\)\[(\d{1,3})\](?!\()")
_WEB = re.compile(r"https?://[^\s\"'<>\\]+", re.IGNORECASE)
_OWN_PAGE = re.compile(r"/(?!/)[^\s\"'<>\\]*")


def text_of(text: str, citations: Sequence[Citation]) -> str:
    """The answer's Markdown, safe to render, its ``[n]`` leading to the cited pages."""
    by_number = {citation.n: citation for citation in citations}

    def mark(match: re.Match[str]) -> str:
        citation = by_number.get(int(match[1]))
        return _mark(citation) if citation else match[0]

    return over_prose(sanitize(text), lambda prose: _CITED.sub(mark, prose))


def foot_of(answer: Answer) -> str:
    """What stands below a finished answer: how it came about, its sources, how long it took."""
    name, how = _MODES[answer.mode]
    warning = f'<p class="ba-warn">{_text(answer.degraded)}</p>' if answer.degraded else ""
    heading = "Closest sections" if answer.mode is Mode.REFUSED else "Sources"
    return (
        f'<div class="ba-foot">{warning}{_sources(heading, answer.citations)}'
        f'<div class="ba-bar"><span class="ba-mode ba-{answer.mode.value}"><b>{name}</b> '
        f'<span class="ba-how">{how}</span></span>{_took(answer)}'
        f'<span class="ba-do">{_COPY}{_RETRY}</span></div></div>'
    )


def waiting(sentence: str) -> str:
    """What stands where the answer is going to be."""
    return f'<div class="ba-foot"><p class="ba-wait">{escape(sentence)}</p></div>'


def problem(sentence: str) -> str:
    """What stands where an answer should have been."""
    return (
        '<div class="ba-foot"><p class="ba-warn ba-error"><b>No answer.</b> '
        f'{_text(sentence)}</p><div class="ba-bar"><span class="ba-do">{_RETRY}</span></div></div>'
    )


def stopped(sentence: str) -> str:
    """What stands below an answer that was cut."""
    return (
        f'<div class="ba-foot"><div class="ba-bar"><span>{escape(sentence)}</span>'
        f'<span class="ba-do">{_RETRY}</span></div></div>'
    )


def _mark(citation: Citation) -> str:
    title = _text(_where(citation))
    if address := _address(citation.url):
        link = (
            f'<a href="{address}" target="_blank" rel="noopener" title="{title}">{citation.n}</a>'
        )
    else:
        link = f'<span title="{title}">{citation.n}</span>'
    return f'<sup class="ba-cite">{link}</sup>'


def _sources(heading: str, citations: Sequence[Citation]) -> str:
    if not citations:
        return ""
    items = "".join(_source(citation) for citation in citations)
    return f'<p class="ba-head">{heading}</p><ol class="ba-sources">{items}</ol>'


def _source(citation: Citation) -> str:
    quote = strip_controls(citation.quote).strip()
    if len(quote) > MAX_QUOTE_CHARS:
        quote = quote[:MAX_QUOTE_CHARS].rstrip() + " …"
    address = _address(citation.url)
    link = (
        f'<a href="{address}" target="_blank" rel="noopener">Open the page</a>' if address else ""
    )
    # &#10; instead of a newline: a blank line in a quote would end the HTML block.
    passage = escape(quote).replace("\n", "&#10;")
    return (
        f'<li><details><summary><span class="ba-n">{citation.n}</span>'
        f'<span class="ba-where">{_path(citation)}</span></summary>'
        f'<div class="ba-passage"><blockquote>{passage}</blockquote>'
        f'<p class="ba-from">{link}<span>{_text(citation.source)}</span></p></div></details></li>'
    )


def _path(citation: Citation) -> str:
    steps = [step for step in citation.heading_path if step != citation.title]
    title = f"<b>{_text(citation.title)}</b>"
    return title + "".join(f" <i>›</i> <span>{_text(step)}</span>" for step in steps)


def _where(citation: Citation) -> str:
    return " › ".join(dict.fromkeys([citation.title, *citation.heading_path]))


def _took(answer: Answer) -> str:
    timings: Mapping[str, float] = answer.timings_ms
    total = timings.get("total") or sum(timings.values())
    facts = [f"<b>{_duration(total)}</b>"] if total else []
    facts += [
        f"{_STEPS.get(name, _text(name.replace('_', ' ')))} {_duration(value)}"
        for name, value in timings.items()
        if name != "total"
    ]
    if answer.usage.total_tokens:
        facts.append(f"{answer.usage.total_tokens:,} tokens")
    return f'<span class="ba-took">{" · ".join(facts)}</span>' if facts else ""


def _duration(milliseconds: float) -> str:
    if milliseconds >= 1_000:
        return f"{milliseconds / 1_000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 1 else "under 1 ms"


def _address(url: str) -> str:
    """The address as an attribute; "" unless it leads to the web or to a page of this service."""
    if _WEB.fullmatch(url):
        return escape(url)
    return escape(f"..{url}") if _OWN_PAGE.fullmatch(url) else ""


def _text(text: str) -> str:
    return escape(" ".join(strip_controls(text).split()))
