"""CSV that is safe to open in a spreadsheet. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from backend.services.insights_report import InsightsReport
from backend.text.sanitize import strip_controls

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠")
"""A cell that begins so may be run as a formula; full-width forms are read as the plain ones."""
COLUMNS = ("kind", "question", "count", "reasons", "last", "rating", "comment", "other wordings")


def safe(value: object) -> str:
    """The cell's text on one line; an apostrophe before what a spreadsheet would compute."""
    text = " ".join(strip_controls(str(value)).split())
    return f"'{text}" if text.startswith(_FORMULA) else text


def export(report: InsightsReport) -> str:
    """Top questions, gaps and comments as one table."""
    rows: list[Sequence[object]] = [COLUMNS]
    for kind, groups in (("question", report.top_questions), ("gap", report.gaps)):
        rows += [
            (
                kind,
                group.question,
                group.count,
                ", ".join(group.reasons),
                f"{group.last_asked_at:%Y-%m-%d %H:%M}",
                "",
                "",
                " | ".join(group.examples),
            )
            for group in groups
        ]
    rows += [
        ("comment", rated.question, 1, "", f"{rated.rated_at or rated.asked_at:%Y-%m-%d %H:%M}",
         rated.rating or "", rated.comment, "")
        for rated in report.comments
    ]  # fmt: skip
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue()
