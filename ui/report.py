"""The diagnostics report as HTML: what needs attention first, then what works. Pure.

Every text is escaped, and the HTML holds no blank line, because it travels as Markdown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from backend.text.sanitize import strip_controls

Row = Mapping[str, Any]

_CODE = re.compile(r"`([^`]+)`")
_STATUSES = {
    "ok": "Fine",
    "off": "Off",
    "degraded": "Improve",
    "down": "Broken",
    "unchecked": "Not checked",
    "closed": "Closed",
    "half_open": "Trying",
    "open": "Open",
}
_OVERALL = {
    "ok": ("Everything is in order", "Nothing needs your attention."),
    "degraded": ("It works, and could be better", "What to do is listed first."),
    "down": ("Something needs your attention", "What to do is listed first."),
}
_PARTS = {
    "openai": "Answers",
    "fallback": "Answers, second model",
    "embeddings": "Embeddings",
    "qdrant": "Vectors",
    "database": "Accounts and history",
    "docs": "Book",
}
_MODES = {
    "extractive": "quoted from the book",
    "generated": "written by a model",
    "embedded": "embedded here",
    "dense": "on",
}
_CIRCUIT_WORDS = {
    "closed": "requests go through",
    "half_open": "one request is trying it",
    "open": "not asked for now",
}


def render(report: Row, circuits: Mapping[str, Row], markdown: str) -> str:
    """The whole tab.

    Args:
        report: As ``GET /health/config`` answers it; empty before the first one.
        circuits: As ``GET /health/circuits`` answers it.
        markdown: The report for the copy button.
    """
    if not report:
        return '<div class="ba-report"><p class="ba-wait">Reading the configuration</p></div>'
    parts: Sequence[Row] = report.get("upstreams", ())
    variables: Sequence[Row] = report.get("variables", ())
    bad = ("down", "degraded")
    marked = [*((row, _variable) for row in variables), *((row, _part) for row in parts)]
    attention = [show(row) for status in bad for row, show in marked if row["status"] == status]
    working = [_part(row) for row in parts if row["status"] not in bad]
    fine = [row for row in variables if row["status"] not in bad]
    off = [_variable(row) for row in fine if row["status"] == "off"]
    given = [_variable(row) for row in fine if row["status"] != "off" and _is_set(row)]
    defaults = [_variable(row) for row in fine if row["status"] != "off" and not _is_set(row)]
    return (
        f'<div class="ba-report">{_summary(report, len(attention))}'
        f"{_group('Needs attention', attention)}"
        f"{_group('Parts', working)}"
        f"{_group('Variables that are set', given)}{_group('Optional', off)}"
        f"{_circuits(circuits)}"
        f"{_group('On their defaults', defaults, folded=True)}"
        f'<pre class="ba-markdown" hidden>{_verbatim(markdown)}</pre></div>'
    )


def _summary(report: Row, problems: int) -> str:
    status = str(report.get("status", "ok"))
    title, sentence = _OVERALL.get(status, _OVERALL["degraded"])
    if problems:
        sentence = f"{problems} {'thing' if problems == 1 else 'things'} to look at, listed first."
    when = str(report.get("generated_at", "")).replace("T", " ")[:19]
    return (
        f'<div class="ba-summary ba-is-{_text(status)}"><span class="ba-dot"></span>'
        f"<div><h2>{title}</h2><p>{sentence}</p></div>"
        f'<p class="ba-when">As of {_text(when)} UTC</p></div>'
    )


def _group(title: str, rows: Sequence[str], *, folded: bool = False) -> str:
    if not rows:
        return ""
    body = f'<div class="ba-rows">{"".join(rows)}</div>'
    count = f'<span class="ba-count">{len(rows)}</span>'
    if folded:
        return (
            f'<details class="ba-group"><summary><h3>{title} {count}</h3></summary>{body}</details>'
        )
    return f'<section class="ba-group"><h3>{title} {count}</h3>{body}</section>'


def _variable(row: Row) -> str:
    source = str(row["source"])
    facts = [f"read from {source[6:]}"] if source.startswith("alias ") else []
    facts += ["needed here"] if row.get("required") else []
    facts += ["secret"] if row.get("secret") else []
    title = f"<code>{_text(row['name'])}</code>"
    return _row(row, title, _text(row["used_for"]), facts, off="Not set")


def _part(row: Row) -> str:
    name = str(row["name"])
    mode = str(row.get("mode") or "")
    facts = [_MODES.get(mode, mode) if mode != row["status"] else "", str(row.get("target") or "")]
    if row.get("latency_ms") is not None:
        facts.append(f"{float(row['latency_ms']):.0f} ms")
    title = f"<b>{_text(_PARTS.get(name, name.replace('_', ' ').capitalize()))}</b>"
    return _row(row, title, "", facts)


def _row(row: Row, title: str, purpose: str, facts: Sequence[str], *, off: str = "Off") -> str:
    said = ""
    if row.get("problem"):
        problem = str(row["problem"]).removeprefix("Not set. ")
        said += f'<p class="ba-problem">{_sentence(problem)}</p>'
    if row.get("fix"):
        how = "To set it" if row["status"] == "off" else "To mend it"
        fix = str(row["fix"]).removeprefix("Set it. ")
        said += f'<p class="ba-fix"><b>{how}:</b> {_sentence(fix)}{_link(row)}</p>'
    pill = _pill(str(row["status"])).replace(">Off<", f">{off}<")
    shown = "".join(f"<span>{_text(fact)}</span>" for fact in facts if fact)
    return (
        f'<div class="ba-row ba-is-{_text(row["status"])}">{pill}'
        f'<div class="ba-cell"><p class="ba-name">{title}<span class="ba-purpose">{purpose}</span>'
        f'</p>{said}</div><p class="ba-facts">{shown}</p></div>'
    )


def _circuits(circuits: Mapping[str, Row]) -> str:
    rows = []
    for name, circuit in circuits.items():
        state = str(circuit.get("state", "closed"))
        words = _CIRCUIT_WORDS.get(state, "")
        if state == "open" and (wait := circuit.get("retry_after_s")):
            words += f", tried again in {math.ceil(float(wait))} s"
        failures = f"{circuit.get('failure_count', 0)} of {circuit.get('failure_threshold', '?')}"
        last = circuit.get("last_error_kind")
        at = str(circuit.get("last_failure_at") or "").replace("T", " ")[:19]
        facts = f"{_text(last)}, {_text(at)} UTC" if last else "none so far"
        rows.append(
            f'<tr class="ba-is-{_text(state)}"><th scope="row">{_text(_PARTS.get(name, name))}</th>'
            f'<td data-label="State">{_pill(state)} {words}</td>'
            f'<td data-label="Failures in a row">{_text(failures)}</td>'
            f'<td data-label="Last failure">{facts}</td></tr>'
        )
    if not rows:
        return ""
    return (
        '<section class="ba-group"><h3>Circuits</h3><p class="ba-lead">A server that fails several '
        "times in a row is left alone for a while; answers are then quoted from the book.</p>"
        '<table class="ba-table"><thead><tr><th scope="col">Part</th><th scope="col">State</th>'
        '<th scope="col">Failures in a row</th><th scope="col">Last failure</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></section>"
    )


def _pill(status: str) -> str:
    return f'<span class="ba-pill">{_STATUSES.get(status, _text(status))}</span>'


def _link(row: Row) -> str:
    address = str(row.get("docs") or "")
    if not address.startswith("https://"):
        return ""
    return f' <a href="{escape(address)}" target="_blank" rel="noopener">Where to get it</a>'


def _is_set(row: Row) -> bool:
    return row["source"] not in ("default", "not set")


def _text(value: object) -> str:
    return escape(" ".join(strip_controls(str(value)).split()))


def _sentence(value: object) -> str:
    """A sentence in which what stands between backticks is code."""
    return _CODE.sub(r"<code>\1</code>", _text(value))


def _verbatim(text: str) -> str:
    return escape(strip_controls(text)).replace("\n", "&#10;")
