"""``slugs.json`` was written by github-slugger 2.0.0: pages of (heading, anchor) pairs in order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backend.text.slug import Slugger, slug

PAGES: list[list[list[str]]] = json.loads(
    (Path(__file__).parent / "slugs.json").read_text(encoding="utf-8")
)


def test_slugger_agrees_with_github_slugger() -> None:
    for page in PAGES:
        slugger = Slugger()
        assert [[heading, slugger.slug(heading)] for heading, _ in page] == page


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [("What's new in C++?", "whats-new-in-c"), ("a - b", "a---b"), ("中文 标题", "中文-标题")],
)
def test_slug_drops_punctuation_and_keeps_letters(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor


def test_slugger_does_not_reuse_an_anchor_that_a_heading_spells_out() -> None:
    slugger = Slugger()
    assert [slugger.slug(text) for text in ("foo", "foo 1", "foo", "foo")] == [
        "foo", "foo-1", "foo-2", "foo-3",
    ]  # fmt: skip
