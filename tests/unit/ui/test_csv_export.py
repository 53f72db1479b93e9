"""The insights as a file that somebody opens in a spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from backend.content_ports import Gap, NotedAnswer, Window
from backend.services.insights_report import make_report
from ui.csv_export import COLUMNS, export, safe

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["=HYPERLINK(\"https://evil.example\")", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "|x", "%0A",
     "\t=1", " =1", "\u200b=1"[1:], "＝1", "\x00=1"],
)  # fmt: skip
def test_a_formula_becomes_text(text: str) -> None:
    assert safe(text).startswith("'")


@pytest.mark.parametrize("text", ["What is 1+1?", "ROS 2", "a = b", "", "روبوٹ"])
def test_words_stay_as_they_are(text: str) -> None:
    assert safe(text) == text


def test_every_row_has_every_column_and_no_cell_breaks_out() -> None:
    asked = NotedAnswer(
        "1", WHEN, 'What, "exactly",\r\nis a node?', "refused", False, 0.1, 9.0, 0, Gap.REFUSED,
        rating="down", comment="=1+1\n;,\"", rated_at=WHEN,
    )  # fmt: skip
    window = Window((), (asked,), (asked,), (asked,), 0, 1)
    text = export(make_report(window, since=WHEN, now=WHEN, retention_days=90))

    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert [row[0] for row in rows[1:]] == ["question", "gap", "comment"]
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert rows[1][1] == 'What, "exactly", is a node?'
    assert rows[3][6] == "'=1+1 ;,\""
