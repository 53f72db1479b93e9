from __future__ import annotations

import pytest

from backend.text.markdown_front import fallback_title, page_path, read_front_matter
from tests.unit.text.markdown_files import cut


def page(path: str, front: str = "") -> str:
    lines = ["---", *front.split("\n"), "---"] if front else []
    return page_path(path, read_front_matter(lines))


@pytest.mark.parametrize(
    ("path", "front", "expected"),
    [
        ("intro.md", "", "intro"),
        ("week1/intro-physical-ai.md", "", "week1/intro-physical-ai"),
        ("01-basics/02 - nodes.mdx", "", "basics/nodes"),
        ("guide/2024-01-15-news.md", "", "guide/2024-01-15-news"),
        ("guide/8.0-release.md", "", "guide/8.0-release"),
        ("index.md", "", ""),
        ("README.md", "", ""),
        ("01-guide/index.mdx", "", "guide"),
        ("guide/ReadMe.md", "", "guide"),
        ("Guide/guide.md", "", "Guide"),
        ("guide/page.md", "slug: /", ""),
        ("guide/page.md", "slug: /start/here/", "start/here"),
        ("guide/page.md", "slug: other", "guide/other"),
        ("01-guide/page.md", "slug: ../up", "up"),
        ("guide/page.md", "slug: ../../../../etc", "etc"),
        ("guide/index.md", "slug: overview", "guide/overview"),
        ("guide/01-page.md", "id: custom", "guide/custom"),
        ("guide/01-page.md", "id: no/slashes", "guide/page"),
        ("guide/page.md", "id: a\nslug: b", "guide/b"),
    ],
)
def test_page_path_is_where_docusaurus_puts_it(path: str, front: str, expected: str) -> None:
    assert page(path, front) == expected


def test_title_is_taken_from_front_matter_then_h1_then_label_then_file_name() -> None:
    front = "---\ntitle: 'Front'\nsidebar_label: Label\n---\n"
    assert cut(front + "# Heading\n").title == "Front"
    assert cut("## First\n\n# The `H1` {#x}\n").title == "The H1"
    assert cut("---\nsidebar_label: Label\n---\n## Two\n").title == "Label"
    assert cut("Text.", "a/02-sim_to-real.md").title == "Sim to real"
    assert fallback_title("03-guide/index.md") == "Guide"


@pytest.mark.parametrize(
    "front",
    [
        "title: Nodes: an introduction",
        'title: "Nodes: an introduction"\nbroken: [1, 2\n',
        "title: Nodes: an introduction\n\ttab: x",
        "title: Nodes: an introduction\nx: " + "[" * 50_000,
        "title: Nodes: an introduction\nx: " + "y" * 70_000,
    ],
)
def test_malformed_front_matter_loses_neither_title_nor_file(front: str) -> None:
    document = cut(f"---\n{front}\n---\n\nText.\n")
    assert document.title == "Nodes: an introduction"
    assert [chunk.text for chunk in document.chunks] == ["Text."]


@pytest.mark.parametrize("text", ["---\n\nSome words\n\n---\n\nMore.", "---\nnever closed"])
def test_a_rule_at_the_head_is_not_front_matter(text: str) -> None:
    lines = [line for chunk in cut(text).chunks for line in chunk.text.split("\n")]
    assert [line for line in lines if line] == [line for line in text.split("\n") if line]


@pytest.mark.parametrize(("front", "published"), [("draft: true", 0), ("draft: no", 1), ("", 1)])
def test_a_draft_gives_nothing_that_could_be_cited(front: str, published: int) -> None:
    assert len(cut(f"---\ntitle: T\n{front}\n---\n\n# T\n\nText.\n").chunks) == published


def test_front_matter_values_that_are_no_strings_are_left_aside() -> None:
    document = cut("---\ntitle: 2.0\nslug: [a, b]\nid: {a: b}\n---\n# H\n", "x/y.md")
    assert (document.title, document.page) == ("2.0", "x/y")
