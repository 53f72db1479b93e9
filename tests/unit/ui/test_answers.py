from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from backend.domain import Answer, Citation, Mode, Usage
from ui import answers

EVIL = "<script>alert(1)</script>\"'\n\n<img src=x>\u202e\x1b[31m"
CITATION = Citation(
    1,
    "Arms",
    ("Arms", "Grip"),
    "https://book.example/arms?a=1&b=2#grip",
    "arms.md",
    "A.\n\nB.",
    0.9,
)
ANSWER = Answer("Text [1].", Mode.GENERATED, (CITATION,), "s", "m")


class Tags(HTMLParser):
    """Which elements an HTML text has, and whether they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_text_of_links_known_citations_outside_code() -> None:
    text = "Yes [1], no [2], `a[1]`.\n\n```\nb[1]\n```\n\n[1](https://x.example) \\[1]"

    shown = answers.text_of(text, [CITATION])

    assert shown.count("ba-cite") == 1
    assert 'href="https://book.example/arms?a=1&amp;b=2#grip"' in shown
    assert 'title="Arms › Grip"' in shown
    assert "no [2], `a[1]`" in shown
    assert "```\nb[1]\n```" in shown


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("/read/arms#grip", '<a href="../read/arms#grip"'),
        ("", "<button"),
        ("javascript:alert(1)", "<button"),
        ("//evil.example", "<button"),
        ("/\\evil.example", "<button"),
        ('https://x.example/"onclick=alert(1)', "<button"),
    ],
)
def test_text_of_links_only_to_the_web_and_to_own_pages(url: str, link: str) -> None:
    shown = answers.text_of("[1]", [replace(CITATION, url=url)])

    assert f'<sup class="ba-cite">{link}' in shown


def test_foot_of_says_how_the_answer_came_about_and_how_long_it_took() -> None:
    answer = replace(
        ANSWER,
        timings_ms={
            "embed": 40.4,
            "search": 0.2,
            "generate": 1180.0,
            "other_step": 3,
            "total": 1240,
        },
        usage=Usage(900, 304),
    )

    foot = answers.foot_of(answer)

    assert "Written from the book" in foot
    assert "<b>1.2 s</b>" in foot
    assert "· 1,204 tokens" in foot
    assert "<b>Arms</b> <i>›</i> <span>Grip</span>" in foot


def test_foot_of_shows_refusal_and_degradation() -> None:
    foot = answers.foot_of(replace(ANSWER, mode=Mode.REFUSED, degraded="Away <now>."))

    assert "Not in the book" in foot
    assert "Closest sections" in foot
    assert "Away &lt;now&gt;." in foot


@pytest.mark.parametrize(
    "html",
    [
        answers.foot_of(
            replace(
                ANSWER,
                degraded=EVIL,
                timings_ms={EVIL: 5.0},
                citations=(
                    Citation(1, EVIL, (EVIL,), "https://x.example/" + EVIL, EVIL, EVIL * 300, 0.1),
                ),
            )
        ),
        answers.problem(EVIL),
    ],
)
def test_html_is_one_block_in_which_nothing_foreign_is_an_element(html: str) -> None:
    tags = Tags(html)

    assert tags.open == []
    assert not tags.seen & {"script", "img"}
    assert "\n" not in html, "a blank line would end the block and begin Markdown"
    assert "\u202e" not in html
    assert "\x1b" not in html


def test_a_long_quote_is_cut() -> None:
    foot = answers.foot_of(replace(ANSWER, citations=(replace(CITATION, quote="x" * 50_000),)))

    assert len(foot) < 4_000
