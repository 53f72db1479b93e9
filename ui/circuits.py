"""The circuits of the diagnostics tab, and how they changed. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from backend.domain import CircuitChange
from ui.markup import text
from ui.statuses import PARTS, STATUSES, pill

Row = Mapping[str, Any]

_SHOWN_CHANGES = 30
_CIRCUIT_WORDS = {
    "closed": "requests go through",
    "half_open": "one request is trying it",
    "open": "not asked for now",
}


def circuits_html(circuits: Mapping[str, Row], changes: Sequence[CircuitChange]) -> str:
    """The state of every circuit, and the newest changes; arguments as for the report."""
    rows = []
    for name, circuit in circuits.items():
        state = str(circuit.get("state", "closed"))
        words = _CIRCUIT_WORDS.get(state, "")
        if state == "open" and (wait := circuit.get("retry_after_s")):
            words += f", tried again in {math.ceil(float(wait))} s"
        failures = f"{circuit.get('failure_count', 0)} of {circuit.get('failure_threshold', '?')}"
        last = circuit.get("last_error_kind")
        at = str(circuit.get("last_failure_at") or "").replace("T", " ")[:19]
        facts = f"{text(last)}, {text(at)} UTC" if last else "none so far"
        rows.append(
            f'<tr class="ba-is-{text(state)}"><th scope="row">{text(PARTS.get(name, name))}</th>'
            f'<td data-label="State">{pill(state)} {words}</td>'
            f'<td data-label="Failures in a row">{text(failures)}</td>'
            f'<td data-label="Last failure">{facts}</td></tr>'
        )
    if not rows:
        return ""
    return (
        '<section class="ba-group"><h3>Circuits</h3><p class="ba-lead">A server that fails several '
        "times in a row is left alone for a while; answers are then quoted from the book.</p>"
        '<table class="ba-table"><thead><tr><th scope="col">Part</th><th scope="col">State</th>'
        '<th scope="col">Failures in a row</th><th scope="col">Last failure</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>{_history(changes)}</section>"
    )


def _history(changes: Sequence[CircuitChange]) -> str:
    if not changes:
        return '<p class="ba-lead ba-after">No circuit has changed since the service started.</p>'
    items = "".join(
        f'<li class="ba-is-{text(change.now)}"><span>{change.at:%m-%d %H:%M:%S}</span> '
        f"<b>{text(PARTS.get(change.name, change.name))}</b> {pill(change.now)} "
        f"was {STATUSES.get(change.was, text(change.was)).lower()}</li>"
        for change in changes[:_SHOWN_CHANGES]
    )
    return (
        f'<details class="ba-changes"><summary>Changes since the start ({len(changes)})</summary>'
        f"<ol>{items}</ol></details>"
    )
