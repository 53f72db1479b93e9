"""Where a file is cut, and what each chunk knows about its place."""

from __future__ import annotations

import hashlib

import pytest

from tests.unit.text.markdown_files import chunks, cut

SENTENCE = "Robots move about in the world and sense what is there."


def test_chunk_file_knows_path_anchor_lines_and_section() -> None:
    text = """\
    ---
    sidebar_position: 1
    ---

    # Nodes

    What nodes are.

    ## Making *one* with `rclpy`

    First.

    ### Deeper {#own-id}

    Second.

    ## Making one with rclpy

    Third.
    """
    found = [
        (c.heading_path, c.anchor, c.section, c.position, c.start_line, c.end_line)
        for c in chunks(text)
    ]
    assert found == [
        (("Nodes",), "", 0, 0, 5, 7),
        (("Nodes", "Making one with rclpy"), "making-one-with-rclpy", 1, 1, 9, 11),
        (("Nodes", "Making one with rclpy", "Deeper"), "own-id", 2, 2, 13, 15),
        (("Nodes", "Making one with rclpy"), "making-one-with-rclpy-1", 3, 3, 17, 19),
    ]


def test_chunk_file_puts_the_title_first_when_the_h1_is_another() -> None:
    document = cut("---\ntitle: Book\n---\n# Chapter\n\nText.\n\n## Part\n\nMore.\n")
    assert document.title == "Book"
    assert [c.heading_path for c in document.chunks] == [
        ("Book", "Chapter"), ("Book", "Chapter", "Part"),
    ]  # fmt: skip


def test_headings_in_many_scripts_keep_their_letters() -> None:
    text = "# کتاب\n\na\n\n## مقدمة: نظرة\n\nb\n\n## 機器人 學\n\nc\n\nΚίνηση\n---\n\nd\n"
    assert [c.anchor for c in chunks(text)] == ["", "مقدمة-نظرة", "機器人-學", "κίνηση"]
    assert chunks(text)[3].heading_path == ("کتاب", "Κίνηση")


def test_custom_id_and_h1_count_for_slugs_as_docusaurus_counts_them() -> None:
    text = (
        "# Foo\n\na\n\n## Foo {#bar}\n\nb\n\n## Foo\n\nc\n\n> ## Foo\n>\n> quoted\n\n## Foo\n\nd\n"
    )
    assert [c.anchor for c in chunks(text)] == ["", "bar", "foo-1", "foo-3"]


def test_small_blocks_of_a_section_are_packed_and_sections_are_not() -> None:
    text = "## A\n\n" + f"{SENTENCE}\n\n" * 12 + "## B\n\nShort.\n\n## C\n\nShort.\n"
    sizes = [(c.anchor, len(c.text)) for c in chunks(text, target=300)]
    assert [anchor for anchor, _ in sizes] == ["a", "a", "a", "b", "c"]
    assert all(size <= 300 for _, size in sizes)


def test_heading_without_content_goes_with_the_next_section() -> None:
    first, second = chunks("# Book\n\n## Part\n\n### Chapter\n\nText.\n\n## Other\n\nMore.\n")
    assert (first.start_line, first.end_line, first.anchor) == (1, 7, "chapter")
    assert first.heading_path == ("Book", "Part", "Chapter")
    assert second.heading_path == ("Book", "Other")


def test_empty_sibling_heading_can_still_be_found() -> None:
    (chunk,) = chunks("## Empty one\n\n## Full\n\nText.\n")
    assert chunk.indexed_text == "Page > Full\nEmpty one\nText."


def test_code_fence_longer_than_everything_stays_whole() -> None:
    code = "```python\n" + "value = compute()\n\n# no heading\n" * 100 + "```"
    (chunk,) = chunks(f"## Code\n\n{code}\n", target=100, maximum=200)
    assert chunk.text.endswith(code)


def test_code_fence_beyond_its_cap_is_cut_where_a_function_ends() -> None:
    function = "def f():\n    a = 1\n\n    return a\n\n"
    found = chunks("```python\n" + function * 40 + "```\n", target=100, maximum=300, fence=600)
    assert len(found) > 3
    assert all(len(c.text) <= 300 for c in found)
    assert all(c.text.startswith("def f():") for c in found[1:])


@pytest.mark.parametrize("fence", ["````", "~~~"])
def test_fence_inside_a_longer_fence_does_not_end_it(fence: str) -> None:
    text = f"## A\n\n{fence}md\n```js\n## not a heading\n```\n{fence}\n\n## B\n\nText.\n"
    assert [c.anchor for c in chunks(text)] == ["a", "b"]


def test_long_table_is_cut_between_rows() -> None:
    rows = [f"| joint {n} | {n * 10} degrees | a hinge |" for n in range(80)]
    text = "## Joints\n\n" + "\n".join(["| name | range | kind |", "|---|---|---|", *rows])
    found = chunks(text, target=200, maximum=600)
    assert found[0].text.startswith("## Joints\n\n| name")
    assert [line for c in found for line in c.text.split("\n") if "joint " in line] == rows
    assert all(len(c.text) <= 320 for c in found)


def test_long_list_is_cut_between_items_and_a_lead_in_stays_with_it() -> None:
    items = [f"- item {n}: {SENTENCE}\n  It goes on." for n in range(20)]
    found = chunks("Text.\n\n" * 9 + "The parts:\n\n" + "\n".join(items), target=200)
    assert all(c.text.endswith("It goes on.") for c in found[1:])
    assert any("The parts:\n\n- item 0" in c.text for c in found)


def test_lead_in_stays_with_the_code_that_follows() -> None:
    code = "```sh\n" + "ros2 topic list\n" * 20 + "```"
    found = chunks(f"{SENTENCE * 3}\n\nRun this:\n\n{code}\n", target=200)
    assert [c.text for c in found] == [SENTENCE * 3, f"Run this:\n\n{code}"]


def test_window_grows_inside_the_section_only() -> None:
    text = "## A\n\n" + "\n\n".join(f"{n} {SENTENCE}" for n in range(9)) + "\n\n## B\n\nOther.\n"
    found = chunks(text, target=100, window=330)
    assert all(c.text in c.window and len(c.window) <= 330 for c in found)
    assert "3 " in found[4].window
    assert "5 " in found[4].window
    assert found[-1].window == found[-1].text == "## B\n\nOther."


def test_ids_elsewhere_survive_an_edit_and_hashes_tell_what_changed() -> None:
    text = "# T\n\nIntro.\n\n## A\n\nOld.\n\n## B\n\nSame.\n\n## A\n\nTwin.\n"
    edit = text.replace("Old.", "New.\n\n" + f"{SENTENCE}\n\n" * 20)
    before = {c.id: c.content_hash for c in chunks(text)}
    after = {c.id: c.content_hash for c in chunks(edit)}
    assert len(before) == 4
    assert before.keys() < after.keys()
    assert sum(before[key] != after[key] for key in before) == 1
    assert before.keys().isdisjoint(c.id for c in chunks(text, "other.md"))


def test_content_hash_is_of_what_is_embedded() -> None:
    (chunk,) = chunks("Text.")
    assert chunk.content_hash == hashlib.sha256(chunk.indexed_text.encode()).hexdigest()


def test_line_ends_and_byte_order_mark_do_not_matter() -> None:
    unix = cut("---\ntitle: T\n---\n\n# H\n\n- a\n- b\n")
    for text in ("\ufeff---\ntitle: T\n---\n\n# H\n\n- a\n- b\n", "---\r\ntitle: T\r\n---\r\n\r\n# H\r\n\r\n- a\r\n- b\r\n"):  # fmt: skip  # noqa: E501
        assert cut(text).chunks == unix.chunks


@pytest.mark.parametrize("text", ["", "\n \n", "---\ntitle: T\n---\n", "import A from './a'\n"])
def test_file_without_content_has_no_chunks(text: str) -> None:
    assert cut(text).chunks == ()


def test_file_without_headings_is_one_section_under_its_name() -> None:
    (chunk,) = chunks("Just text.\n\nAnd more.", "notes/02-first-steps.md")
    assert chunk.heading_path == ("First steps",)
    assert chunk.anchor == ""


def test_plain_text_is_not_read_as_markdown() -> None:
    text = "# not a heading\n\n*stars* stay\n\n---\n" + f"\n{SENTENCE}\n" * 20
    found = chunks(text, "speech.txt")
    assert len(found) > 1
    assert {(c.section, c.anchor, c.heading_path) for c in found} == {(0, "", ("Speech",))}
    assert found[0].indexed_text.startswith("Speech\n# not a heading\n\n*stars* stay\n\n---")
