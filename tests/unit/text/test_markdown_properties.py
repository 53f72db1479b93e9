"""What must hold for any file, tried on documents put together at random."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from backend.domain import SourceFile
from backend.text.markdown import ChunkOptions, chunk_file

set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")  # not beside the sources

_SMALL = ChunkOptions(target=60, maximum=200, fence=400, window=120)

_FRAGMENTS = st.sampled_from(
    [
        "# Title", "## Section", "## Section", "### Deep {#own-id}", "Setext\n===",
        "Setext\n---", "A sentence about nodes.", "Leads into this:", "word " * 40,
        "long line " * 30, "- item\n- item\n  - nested\n\n  more",
        "1. one\n2. two\n\n   ```sh\n   ls\n   ```", "> quote\n>\n> ## inside",
        "```python\n# no heading\n\nx = 1\n```", "~~~\n```\n~~~", "```\nunclosed",
        "````md\n```js\nlet a\n```\n````", "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
        "| only | pipes |", ":::note[Mind]", ":::", "::::tip Title", "::::",
        "/// warning | Look", "///", "<Tabs>", "</Tabs>", '<TabItem value="a"\n  label="A">',
        "</TabItem>", "  <Deep>\n    ## x\n  </Deep>", "<!-- one -->", "<!-- two\n\n# lines -->",
        "<!-- never closed", "{/* gone */}", "$$\na\n=\nb\n$$", "$$", "<div>\n# html\n</div>",
        "[ref]: https://example.org", "---", "***", "    indented\n\n    code", "&nbsp;",
        "\u00a0", "عنوان", "標題", "\tTab", "x" * 500, "line\n" * 90, "`" * 7, "[" * 30, "\x0c",
        "\u2028",
    ]
)  # fmt: skip
_GAPS = st.sampled_from(["\n", "\n\n", "\n\n\n", "\n \t\n"])
_DOCUMENTS = st.lists(st.tuples(_FRAGMENTS, _GAPS), max_size=25).map(
    lambda parts: "Start" + "".join(gap + fragment for fragment, gap in parts)
)
_CODE_LINES = st.sampled_from(["", "# x", "## y", "a = 1", "- b", "$$", "<T>", ":::"])
_AFTER = st.sampled_from(
    ["Text.", "It leads to:", "## Heading", "- item", "", ":::note\n\n:::", "word " * 30]
)
_FENCES = st.lists(
    st.tuples(
        st.sampled_from(["```", "~~~~", "```py title='x'"]),
        st.lists(_CODE_LINES, max_size=12),
        _AFTER,
    ),
    min_size=1,
    max_size=6,
)


def _file(text: str, path: str = "a/b.md") -> SourceFile:
    return SourceFile(path, text, datetime(2025, 1, 1, tzinfo=UTC))


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(_DOCUMENTS, st.sampled_from(["a.md", "a.mdx", "a.txt"]))
def test_chunks_hold_every_line_once_in_order(text: str, path: str) -> None:
    lines = text.split("\n")
    chunks = chunk_file(_file(text, path), options=_SMALL).chunks

    held = [line for chunk in chunks for line in range(chunk.start_line, chunk.end_line + 1)]
    assert held == sorted(set(held))
    assert {n for n, line in enumerate(lines, 1) if line.strip()} <= set(held)
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    for chunk in chunks:
        assert chunk.text == "\n".join(lines[chunk.start_line - 1 : chunk.end_line])
        assert chunk.text.strip()
        assert chunk.text in chunk.window
        assert chunk.window in text
        assert len(chunk.window) <= max(120, len(chunk.text))


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(_FENCES)
def test_fences_stay_whole(fences: list[tuple[str, list[str], str]]) -> None:
    text, blocks = "", []
    for opening, inner, after in fences:
        block = "\n".join([opening, *inner, opening.partition("py")[0]])
        blocks.append(block)
        text += f"{block}\n\n{after}\n\n"
    chunks = chunk_file(_file(text), options=_SMALL).chunks
    for block in blocks:
        assert any(block in chunk.text for chunk in chunks)
    assert sum(chunk.text.count("```") + chunk.text.count("~~~~") for chunk in chunks) == 2 * len(
        blocks
    )


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.text(max_size=400), st.sampled_from(["a.md", "a.txt"]))
def test_any_text_is_cut_without_error(text: str, path: str) -> None:
    assert chunk_file(_file(text, path)) == chunk_file(_file(text, path))
