"""The panel "Why this answer": what was found, what was left out, what it cost. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from backend.domain import Answer, Hit, Trace
from ui.markup import duration, money, plural, text, verbatim

SHOWN_DROPPED = 8
MAX_PROMPT_CHARS = 16_000
_EXCERPT_CHARS = 150
_MARKS = re.compile(r"^ {0,3}(?:#{1,6} .*|`{3}.*|~{3}.*)$", re.MULTILINE)
"""Headings, which stand above the excerpt, and fences."""
_INLINE = re.compile(r"!?\[([^\[\]]+)\]\([^()]*\)|`([^`]+)`|\*\*([^*]+)\*\*")
"""Links, code and strong words, of which the words stay."""

STEPS = {
    "reword": "rewording",
    "embed": "embedding",
    "search": "search",
    "rank": "ranking",
    "failed": "failed tries",
    "first_token": "first word",
    "generate": "writing",
    "quote": "quoting",
    "rest": "the rest",
}
"""Steps of an answer in their order, in words."""


def steps_of(timings: Mapping[str, float]) -> list[tuple[str, float]]:
    """Steps that follow one another, with milliseconds; their sum is the total.

    The first word is a part of the writing; what no step accounts for is ``rest``.
    """
    parts = {name: value for name, value in timings.items() if name != "total"}
    if "generate" in parts:
        parts["generate"] = max(0.0, parts["generate"] - parts.get("first_token", 0.0))
    rest = timings.get("total", 0.0) - sum(parts.values())
    if rest >= 1:
        parts["rest"] = rest
    known = list(STEPS)
    order = sorted(parts, key=lambda name: known.index(name) if name in known else -1)
    return [(name, parts[name]) for name in order]


def why_of(answer: Answer) -> str:
    """The panel, folded; empty where an answer has no trace."""
    trace = answer.trace
    if trace is None:
        return ""
    return (
        '<details class="ba-why"><summary>Why this answer</summary><div class="ba-why-in">'
        f"<p>{_verdict(trace)}</p>{_bar(answer)}{_tokens(answer)}"
        f"{_hits(trace)}{_prompt(trace.prompt)}</div></details>"
    )


def _verdict(trace: Trace) -> str:
    sure, bar = f"<b>{trace.confidence:.2f}</b>", f"<b>{trace.threshold:.2f}</b>"
    if trace.candidates:
        return (
            f"The book treats this with a confidence of {sure}; {bar} is needed. "
            f"{plural(len(trace.candidates), 'passage')} went into the answer, "
            f"{len(trace.dropped)} did not."
        )
    return (
        f"The book treats this with a confidence of {sure} only; {bar} is needed. "
        f"So none of the {plural(len(trace.dropped), 'candidate')} was used."
    )


def _bar(answer: Answer) -> str:
    steps = steps_of(answer.timings_ms)
    total = sum(value for _, value in steps)
    if not total:
        return ""
    parts = "".join(
        f'<i class="ba-step ba-step-{text(name)}" style="flex-grow:{value / total:.4f}"></i>'
        for name, value in steps
    )
    legend = "".join(
        f'<li><i class="ba-step ba-step-{text(name)}"></i>{text(STEPS.get(name, name))} '
        f"<b>{duration(value)}</b></li>"
        for name, value in steps
    )
    return f'<div class="ba-steps">{parts}</div><ul class="ba-legend">{legend}</ul>'


def _tokens(answer: Answer) -> str:
    usage = answer.usage
    if not usage.total_tokens:
        return "<p>No language model was asked: no tokens.</p>"
    cost = usage.cost_usd
    price = "Their price is not known."
    if cost is not None:
        price = f"By list price they cost <b>{money(cost)}</b>."
    return (
        f"<p><b>{usage.total_tokens:,}</b> tokens: {usage.prompt_tokens:,} in the prompt, "
        f"{usage.completion_tokens:,} in the answer. {price}</p>"
    )


def _hits(trace: Trace) -> str:
    shown = trace.dropped[:SHOWN_DROPPED]
    if not trace.candidates and not shown:
        return "<p>The search found nothing.</p>"
    rows = "".join(_row(str(n), hit, "") for n, hit in enumerate(trace.candidates, 1))
    rows += "".join(_row("–", hit, "ba-out") for hit in shown)
    more = len(trace.dropped) - len(shown)
    left = f'<p class="ba-more">and {more} weaker ones that were left out</p>' if more else ""
    return (
        '<div class="ba-scroll"><table class="ba-scores"><thead><tr><th>#</th><th>Passage</th>'
        "<th>Fused</th><th>Meaning</th><th>Words</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>{left}"
    )


def _row(number: str, hit: Hit, kind: str) -> str:
    return (
        f'<tr class="{kind}"><td>{number}</td><td><b>{text(where(hit))}</b>'
        f'<span class="ba-excerpt">{text(excerpt(hit))}</span></td>'
        f"<td>{hit.score:.3f}</td><td>{score(hit.dense_score)}</td>"
        f"<td>{score(hit.sparse_score)}</td></tr>"
    )


def where(hit: Hit) -> str:
    """Title and headings of a hit."""
    return " › ".join(dict.fromkeys([hit.chunk.title, *hit.chunk.heading_path]))


def excerpt(hit: Hit) -> str:
    """The beginning of a hit's text on one line."""
    prose = _MARKS.sub("", hit.chunk.text)
    words = _INLINE.sub(lambda found: found[1] or found[2] or found[3], prose)
    flat = " ".join(words.split())
    if len(flat) <= _EXCERPT_CHARS:
        return flat
    return f"{flat[:_EXCERPT_CHARS].rpartition(' ')[0] or flat[:_EXCERPT_CHARS]}…"


def score(value: float | None) -> str:
    """An engine's raw score; a dash where that search did not find it."""
    return "–" if value is None else f"{value:.3f}"


def _prompt(messages: Sequence[Mapping[str, str]]) -> str:
    if not messages:
        return ""
    count = sum(len(message["content"]) for message in messages)
    parts, left = "", MAX_PROMPT_CHARS
    for message in messages:
        content = message["content"][: max(0, left)]
        left -= len(content)
        parts += f"<p><b>{text(message['role'])}</b></p><pre>{verbatim(content)}</pre>"
    cut = f"<p>Cut after {MAX_PROMPT_CHARS:,} characters.</p>" if left <= 0 else ""
    return (
        f"<details><summary>The prompt: {plural(len(messages), 'message')}, {count:,} characters"
        f"</summary>{parts}{cut}</details>"
    )
