"""What becomes of the addresses in an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain import Answer, Citation, Hit, Mode, Trace
from tests.ui.fakes import chunk_of
from ui.answers import shown_of, text_of

PAGE = "https://book.example/docs/nodes"
CITATION = Citation(1, "Nodes", ("Nodes",), f"{PAGE}#start", "nodes.md", "A node is a process.", 1)
CHUNK = replace(chunk_of("Nodes"), window="See [ROS](https://docs.ros.org/en/a_b) first.")
TRACE = Trace((Hit(CHUNK, 0.9),))


def shown(text: str) -> str:
    return text_of(text, [CITATION], TRACE)


@pytest.mark.parametrize(
    "text",
    [
        f"[the page]({PAGE})",
        f"[its end]({PAGE}/#end)",
        "[ROS](https://docs.ros.org/en/a_b)",
        "Read https://docs.ros.org/en/a_b.",
        f"<{PAGE}>",
        "`https://evil.example/in/code`",
        "```\nwget https://evil.example/x\n```",
    ],
)
def test_an_address_that_a_source_has_stays(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[here](https://evil.example/?q=1)", "here (`https://evil.example/?q=1`)"),
        ("go to https://evil.example/a.", "go to `https://evil.example/a`."),
        ("<https://evil.example>", "`https://evil.example`"),
        ("www.evil.example", "`www.evil.example`"),
        ("[https://ok.example](https://evil.example)",
         "`https://ok.example` (`https://evil.example`)"),
        (f"[x]({PAGE}.evil.example)", f"x (`{PAGE}.evil.example`)"),
        ("[x](https://docs.ros.org/en)", "x (`https://docs.ros.org/en`)"),
        ("[Accounts](accounts.md)", "Accounts"),
        ("[Up](../intro.md#a)", "Up"),
        ("[root](/admin/logout)", "root"),
        ("[mail](mailto:a@evil.example)", "mail"),
    ],
)  # fmt: skip
def test_an_address_that_no_source_has_is_no_link(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_long_address_is_cut() -> None:
    assert len(shown(f"[x](https://evil.example/{'a' * 5_000})")) < 200


def test_a_refusal_is_shown_without_the_list_that_stands_below_it() -> None:
    text = "I could not find this in the book.\n\nThe closest sections are:\n- A › B [1]\n- C [2]"
    refused = Answer(text, Mode.REFUSED, (CITATION,), "s", "m")

    assert shown_of(refused) == "I could not find this in the book."
    assert "closest" in shown_of(replace(refused, mode=Mode.GENERATED))
