"""What Docusaurus adds to Markdown: MDX, admonitions, components, comments, maths."""

from __future__ import annotations

import pytest

from tests.unit.text.markdown_files import chunks


def test_imports_and_exports_are_left_out() -> None:
    text = """\
    import Tabs from '@theme/Tabs';
    import {
      One,
      Two,
    } from "./parts"
    export const robots = [
      {name: 'a'},

      {name: "}"},
    ];

    # Title

    import './late.css'

    Text.

    export default function Page() {
      return <p>hi</p>;
    }
    """
    assert [c.text for c in chunks(text, "a.mdx")] == ["# Title", "Text."]
    assert {c.section for c in chunks(text, "a.mdx")} == {0}


@pytest.mark.parametrize(
    "text",
    [
        "import the module from 'rclpy' first\nand go on.",
        "export default settings to a file.",
        "import numpy as np",
        "```js\nimport a from 'a'\n```",
        "Text:\n\n    import a from 'a'",
    ],
)
def test_words_and_code_that_look_like_imports_stay(text: str) -> None:
    assert [c.text for c in chunks(text)] == [text]


def test_admonition_stays_whole_with_its_title_and_nested_ones() -> None:
    text = """\
    ## Safety

    ::::danger[Mind the **arm**]

    Stay away.

    :::tip Wear goggles

    ## Not a section

    Really.

    :::

    ::::

    After.
    """
    (chunk,) = chunks(text)
    assert chunk.anchor == "safety"
    assert chunk.indexed_text == (
        "Page > Safety\nMind the arm\nStay away.\nWear goggles\nNot a section\nReally.\nAfter."
    )
    assert chunks(text, target=90)[0].text.count(":::") == 4


def test_long_admonition_keeps_its_fences_with_their_neighbours() -> None:
    inside = "\n\n".join(f"Paragraph {n} of the note, and it is not short." for n in range(8))
    found = chunks(f":::note\n\n{inside}\n\n:::\n\nAfter it all.", target=120)
    assert found[0].text.startswith(":::note\n\nParagraph 0")
    assert len(found) > 2
    assert sum("short.\n\n:::" in c.text for c in found) == 1


def test_slash_blocks_of_mkdocs_are_admonitions_too() -> None:
    (chunk,) = chunks("/// note | Technical Details\n\nBody.\n\n///\n")
    assert chunk.indexed_text == "Page\nTechnical Details\nBody."


def test_component_tags_stay_in_the_text_and_give_the_index_their_labels() -> None:
    text = """\
    <Tabs groupId="os">
      <TabItem
        value="linux" label="On Linux"
        render={() => <b>{'>'}</b>}
      >

        ```bash
        # no heading
        apt install
        ```

      </TabItem>
    </Tabs>

    ## Next

    Words with <Highlight color="red">children</Highlight> and <img src="a.png" alt="an arm" />.
    """
    first, second = chunks(text, "a.mdx")
    assert first.text.startswith('<Tabs groupId="os">\n  <TabItem')
    assert first.text.endswith("</Tabs>")
    assert first.indexed_text == "A\nOn Linux\n    # no heading\n    apt install"
    assert second.anchor == "next"
    assert second.indexed_text == "A > Next\nWords with children and an arm."


def test_heading_inside_a_component_begins_a_section() -> None:
    text = "<Page>\n\n## One\n\na\n\n  ## Two\n\nb\n\n</Page>\n"
    assert [c.anchor for c in chunks(text)] == ["one", "two"]


def test_details_keep_their_summary() -> None:
    text = "<details>\n<summary>Show **more**</summary>\n\nHidden text.\n\n</details>\n"
    (chunk,) = chunks(text)
    assert chunk.indexed_text == "Page\nShow more\nHidden text."


def test_comments_are_stored_but_not_indexed() -> None:
    text = "A <!-- b --> c.\n\n<!--\n\n## Hidden\n\nsecret\n-->\n\n{/* gone\n\n# x */}\n\nEnd.\n"
    (chunk,) = chunks(text)
    assert "## Hidden" in chunk.text
    assert chunk.indexed_text == "Page\nA  c.\nEnd."


def test_maths_blocks_are_whole_and_make_no_headings() -> None:
    text = "Given:\n\n$$\n\\dot{x}_1\n=\nA x\n\n---\n$$\n\n## Next\n\nInline $a_i * b_i$ stays.\n"
    first, second = chunks(text)
    assert first.text.endswith("$$")
    assert first.indexed_text == "Page\nGiven:\n\\dot{x}_1\n=\nA x\n\n---"
    assert second.indexed_text == "Page > Next\nInline a_i * b_i stays."


@pytest.mark.parametrize(
    "opening", ["<!-- ", "<Tabs", ":::note", "$$", "```", "export const a = {"]
)
def test_what_is_never_closed_loses_nothing(opening: str) -> None:
    text = f"Before.\n\n{opening}\n\n## Heading\n\nAfter.\n"
    found = chunks(text)
    assert "After." in found[-1].text
    assert sum(c.text.count("Before.") for c in found) == 1
