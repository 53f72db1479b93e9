from __future__ import annotations

import pytest

from backend.text.markdown_clean import clean_fence_line, clean_prose
from tests.unit.text.markdown_files import chunks


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("**bold**, *it*, __b__, _i_, ***x***, ~~gone~~", "bold, it, b, i, x, gone"),
        ("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4"),
        ("call `__init__` or ``a*b*``", "call __init__ or a*b*"),
        ("[the **docs**](https://example.org/a_(b) 'T')", "the docs"),
        ("![an arm](./arm.png)[ref][1] and [`code`](x)", "an armref and code"),
        ("<https://example.org> &amp; more &lt;tag&gt;", "https://example.org & more <tag>"),
        ("a < b and c > d", "a < b and c > d"),
        ('<b class="x">bold</b> <img alt="robot" src="a">', "bold robot"),
        ("\\*not emphasis\\* \\_", "*not emphasis* _"),
        ("- [x] done\n+ plus\n> quoted\n> > twice\n1. one", "done\nplus\nquoted\ntwice\n1. one"),
        ("text[^1]\n\n[^1]: note", "text\nnote"),
        ("see [a]\n\n[a]: https://example.org 'T'", "see [a]"),
        ("it's 5$ and 6$ more", "it's 5$ and 6$ more"),
        ("مرکز **ثقل** کا", "مرکز ثقل کا"),
        ("重**要**点", "重要点"),
    ],
)
def test_clean_prose_keeps_words_and_drops_marks(markdown: str, plain: str) -> None:
    assert clean_prose(markdown) == plain


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ('```py title="src/node.py" {1,3}', "src/node.py"),
        ("  ~~~", ""),
        ("$$ E = mc^2", "E = mc^2"),
        ("- ```sh", ""),
    ],
)
def test_clean_fence_line_keeps_the_title(line: str, kept: str) -> None:
    assert clean_fence_line(line) == kept


def test_indexed_text_has_code_as_it_is_and_tables_without_borders() -> None:
    text = """\
    # Robot `arm`

    Some **bold** words:

    | Joint | Use |
    |:------|----:|
    | `a_b` | [x](y) \\| z |

    ```python title="a.py"
    x = **kw  # _as it is_
    ```
    """
    (chunk,) = chunks(text)
    assert chunk.indexed_text.split("\n") == [
        "Robot arm",
        "Some bold words:",
        "Joint Use",
        "a_b x | z",
        "a.py",
        "x = **kw  # _as it is_",
    ]


def test_clean_prose_copes_with_hostile_input() -> None:
    for piece in ("[a", "<a ", "<!--", "`", "$x ", "![", "*a", "[a[b]", "{#", '<a "', "\\"):
        clean_prose(piece * 12_000)
