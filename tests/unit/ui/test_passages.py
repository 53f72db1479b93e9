"""Quotes as a person reads them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain import Citation, Hit, Trace
from tests.ui.fakes import chunk_of
from tests.unit.ui.test_answers import EVIL, Tags
from ui.passages import passage_html


def quoted(quote: str, window: str = "") -> str:
    citation = Citation(1, "A", ("A",), "", "A.md", quote, 0.9)
    chunk = replace(chunk_of("A"), window=window or quote)
    return passage_html(citation, Trace((Hit(chunk, 0.9),)))


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("See [Accounts](accounts.md).", "See Accounts."),
        ("See [a (b)](x(1).md#c) and ![alt](i.png).", "See a (b) and alt."),
        ("Set `A=1` to **win**.", "Set <code>A=1</code> to <b>win</b>."),
        ("`[a](b)` stays", "<code>[a](b)</code> stays"),
        ("odd ` and ** stay", "odd ` and ** stay"),
        ("a # b", "a # b"),
    ],
)
def test_marks_of_markdown_are_read_not_shown(markdown: str, html: str) -> None:
    assert quoted(markdown) == f"<mark>{html}</mark>"


def test_headings_and_fences_go_and_code_stays_as_it_is() -> None:
    window = "## Start `it` ##\n\nCall it.\n\n```python\n# [no](link) **here**\nx = 1\n```\nDone."

    assert quoted("Call it.", window) == (
        "<b>Start <code>it</code></b>&#10;&#10;<mark>Call it.</mark>&#10;&#10;"
        "<code># [no](link) **here**</code>&#10;<code>x = 1</code>&#10;Done."
    )


def test_whatever_a_passage_holds_is_closed_and_harmless() -> None:
    for text in (EVIL, f"**{EVIL}**", f"`{EVIL}`", f"# {EVIL}", f"[{EVIL}](x)", "``` <b>\n<i>"):
        tags = Tags(quoted(text))
        assert tags.open == []
        assert tags.seen <= {"mark", "b", "code"}


def test_the_heading_that_stands_above_the_passage_is_not_said_twice() -> None:
    assert quoted("Call it.", "## A\n\nFirst. Call it.") == "First. <mark>Call it.</mark>"
    assert quoted("Call it.", "## B\n\nCall it.").startswith("<b>B</b>"), "another one stays"
    assert "<mark>" in quoted("## A", "## A\n\nCall it."), "what is quoted stays"
