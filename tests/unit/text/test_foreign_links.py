from __future__ import annotations

import pytest

from backend.text.foreign_links import LEFT_OUT, without_foreign_links

PASSAGES = "See [the docs](https://docs.test/a_(b)) or https://docs.test/c. And a < b."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A [node](https://evil.test/x) [1].", "A node [1]."),
        ("A [node]( <https://evil.test/x> 'title' ) [1].", "A node [1]."),
        ("Yes [1](https://evil.test).", "Yes [1]."),
        ("![a](https://evil.test/x.png)B [1]", "aB [1]"),
        ("[![a](https://evil.test/x.png)](https://evil.test/y) [1]", "a [1]"),
        ("![a](https://docs.test/c) [1]", "a [1]"),
        ("See https://evil.test/x, [1].", f"See {LEFT_OUT} [1]."),
        (
            "<https://evil.test/x> //evil.test/y www.evil.test [1]",
            " ".join([LEFT_OUT] * 3) + " [1]",
        ),
        ("<a href='https://evil.test'>k</a> <img src=//evil.test/i> [1]", "k  [1]"),
        ("Yes [x][y] and [1][2].\n\n[y]: https://evil.test\n[1]: /z", "Yes x and [1][2].\n\n"),
        ("[the docs](https://docs.test/a_(b)) and https://docs.test/c. [1]", None),
        ("`[x](https://evil.test)` [1]", None),
        ("```\ncurl https://evil.test // x\n```\n[1]", None),
        ("`Vec<T>` and Vec<T>, a < b, x[0] [1] [2]", None),
        ("", None),
    ],
)
def test_only_what_the_passages_link_to_stays_a_link(text: str, expected: str | None) -> None:
    assert without_foreign_links(text, PASSAGES) == (text if expected is None else expected)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["[", "![", "<a ", "](", "[a](", "//", "[a][", "<"])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    assert without_foreign_links(f"//x {piece * 20_000}", PASSAGES)
