"""The diagnostics report as HTML: what needs attention first, then what works. Pure.

Every text is escaped, and the HTML holds no blank line, because it travels as Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from backend.domain import CircuitChange
from backend.services.host import HostFacts
from ui.circuits import circuits_html
from ui.markup import duration, plural, sentence, size, text, verbatim
from ui.setup import where_to_set
from ui.statuses import PARTS, pill

Row = Mapping[str, Any]

_STATES = {
    "default": "Default",
    "missing": "Missing",
    "blank": "Blank",
    "wrong": "Wrong",
    "placeholder": "Placeholder",
    "duplicate": "Duplicate",
    "hidden": "Hidden characters",
}
"""States of a variable that say more than its status."""
_OVERALL = {
    "ok": ("Everything is in order", "Nothing needs your attention."),
    "degraded": ("It works, and could be better", "What to do is listed first."),
    "down": ("Something needs your attention", "What to do is listed first."),
}
_ANSWERED = {
    "openai": "Key and model",
    "embeddings": "Key and model",
    "rerank": "Key and model",
    "qdrant": "Key, collection, dimension",
    "database": "Sign-in and query",
    "docs": "Documents",
}
"""What a part has answered when its probe is fine."""
_MODES = {
    "extractive": "quoted from the book",
    "generated": "written by a model",
    "embedded": "embedded here",
    "dense": "on",
}


def render(
    report: Row,
    circuits: Mapping[str, Row],
    markdown: str,
    *,
    changes: Sequence[CircuitChange] = (),
    host: HostFacts | None = None,
    fingerprints: Mapping[str, str] | None = None,
    on_space: bool = False,
) -> str:
    """The whole tab.

    Args:
        report: As ``GET /health/config`` answers it; empty before the first one.
        circuits: As ``GET /health/circuits`` answers it.
        markdown: The report for the copy button.
        changes: Of circuits, newest first.
        host: Facts about the machine, for maintainers only.
        fingerprints: Marks of the secrets that are set, by variable, for admins only.
        on_space: Whether variables are set on a Space.
    """
    if not report:
        return '<div class="ba-report"><p class="ba-wait">Reading the configuration</p></div>'
    parts: Sequence[Row] = report.get("upstreams", ())
    marks = fingerprints or {}
    variables = [{**row, "mark": marks.get(row["name"])} for row in report.get("variables", ())]
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
        f"{_group('Needs attention', attention, lead=where_to_set(on_space=on_space))}"
        f"{_group('Parts', working)}"
        f"{_group('Variables that are set', given)}{_group('Optional', off)}"
        f"{circuits_html(circuits, changes)}{_host(host) if host else ''}"
        f"{_group('On their defaults', defaults, folded=True)}"
        f'<pre class="ba-markdown" hidden>{verbatim(markdown)}</pre></div>'
    )


def _summary(report: Row, problems: int) -> str:
    status = str(report.get("status", "ok"))
    title, words = _OVERALL.get(status, _OVERALL["degraded"])
    if problems:
        words = f"{problems} {'thing' if problems == 1 else 'things'} to look at, listed first."
    when = str(report.get("generated_at", "")).replace("T", " ")[:19]
    return (
        f'<div class="ba-summary ba-is-{text(status)}"><span class="ba-dot"></span>'
        f"<div><h2>{title}</h2><p>{words}</p></div>"
        f'<p class="ba-when">As of {text(when)} UTC</p></div>'
    )


def _group(title: str, rows: Sequence[str], *, folded: bool = False, lead: str = "") -> str:
    if not rows:
        return ""
    body = f'<div class="ba-rows">{"".join(rows)}</div>'
    count = f'<span class="ba-count">{len(rows)}</span>'
    if folded:
        return (
            f'<details class="ba-group"><summary><h3>{title} {count}</h3></summary>{body}</details>'
        )
    words = f'<p class="ba-lead">{text(lead)}</p>' if lead else ""
    return f'<section class="ba-group"><h3>{title} {count}</h3>{words}{body}</section>'


def _variable(row: Row) -> str:
    source = str(row["source"])
    facts = [f"read from {source[6:]}"] if source.startswith("alias ") else []
    facts += ["needed here"] if row.get("required") else []
    facts += ["secret"] if row.get("secret") else []
    facts += [f"fingerprint {row['mark']}"] if row.get("mark") and _is_set(row) else []
    title = f"<code>{text(row['name'])}</code>"
    state = _STATES.get(str(row.get("state")), "")
    words = "Not set" if row["status"] == "off" else state
    return _row(row, title, text(row["used_for"]), facts, words=words)


def _part(row: Row) -> str:
    name = str(row["name"])
    facts = [str(row.get("target") or "")]
    if row.get("latency_ms") is not None:
        facts.append(duration(float(row["latency_ms"])))
    title = row.get("title") or PARTS.get(name, name.replace("_", " ").capitalize())
    what = row.get("sentence") or _MODES.get(str(row.get("mode")), "")
    return _row(row, f"<b>{text(title)}</b>", text(what), facts, below=_steps(row))


def _steps(row: Row) -> str:
    """How far the connection got; the last step is what the part itself said."""
    steps = [dict(step) for step in row.get("steps") or ()]
    if not steps:
        return ""
    if all(step["ok"] for step in steps):
        name = _ANSWERED.get(str(row["name"]), "Answer")
        good = row["status"] == "ok"
        said = "It answered as it should." if good else str(row.get("problem") or "")
        steps.append({"name": name, "ok": good, "ms": row.get("latency_ms"), "sentence": said})
    items = "".join(
        f'<li class="ba-is-{"ok" if step["ok"] else "down"}"><b>{text(step["name"])}</b> '
        f"<span>{'fine' if step['ok'] else 'failed'}"
        f"{', ' + duration(float(step['ms'])) if step['ms'] is not None else ''}</span>"
        f"<em>{text(step['sentence'])}</em></li>"
        for step in steps
    )
    opened = "" if all(step["ok"] for step in steps) else " open"
    return (
        f'<details class="ba-way"{opened}><summary>The way there</summary>'
        f"<ol>{items}</ol></details>"
    )


def _row(
    row: Row, title: str, purpose: str, facts: Sequence[str], *, words: str = "", below: str = ""
) -> str:
    said = ""
    if row.get("problem"):
        problem = str(row["problem"]).removeprefix("Not set. ")
        said += f'<p class="ba-problem">{sentence(problem)}</p>'
    if row.get("fix"):
        how = "To set it" if row["status"] == "off" else "To mend it"
        fix = str(row["fix"]).removeprefix("Set it. ")
        said += f'<p class="ba-fix"><b>{how}:</b> {sentence(fix)}{_link(row)}</p>'
    shown = "".join(f"<span>{text(fact)}</span>" for fact in facts if fact)
    return (
        f'<div class="ba-row ba-is-{text(row["status"])}">{pill(str(row["status"]), words)}'
        f'<div class="ba-cell"><p class="ba-name">{title}<span class="ba-purpose">{purpose}</span>'
        f'</p>{said}{below}</div><p class="ba-facts">{shown}</p></div>'
    )


def _host(host: HostFacts) -> str:
    memory = size(host.memory_bytes) if host.memory_bytes is not None else "not known"
    if host.memory_limit_bytes:
        memory += f" of {size(host.memory_limit_bytes)}"
    disk = "not known"
    if host.disk_free_bytes is not None and host.disk_total_bytes:
        disk = f"{size(host.disk_free_bytes)} free of {size(host.disk_total_bytes)}"
    facts = [
        ("Clock", f"{host.now:%Y-%m-%d %H:%M:%S} UTC"),
        ("Running for", _long(host.uptime_s)),
        ("Memory", memory),
        ("Disk", f"{disk}; {size(host.data_bytes)} in DATA_DIR"),
        ("Machine", host.system),
        ("Python", host.python),
        *host.versions,
    ]
    cells = "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in facts
    )
    return (
        '<section class="ba-group"><h3>Machine and versions</h3>'
        f'<dl class="ba-dl">{cells}</dl></section>'
    )


def _long(seconds: float) -> str:
    """A time of minutes to months in its largest unit."""
    minutes = int(seconds // 60)
    if minutes < 120:
        return plural(minutes, "minute")
    hours = minutes // 60
    return plural(hours, "hour") if hours < 48 else plural(hours // 24, "day")


def _link(row: Row) -> str:
    address = str(row.get("docs") or "")
    if not address.startswith("https://"):
        return ""
    words = "Where to get it" if row.get("secret") else "Read more"
    return f' <a href="{escape(address)}" target="_blank" rel="noopener">{words}</a>'


def _is_set(row: Row) -> bool:
    return row["source"] not in ("default", "not set")
