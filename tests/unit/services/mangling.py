"""Paragraphs with known protected parts, and a model that rewrites words and loses placeholders."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from backend.domain import ChatDelta, Usage

WORDS = (
    "the robot moves slowly while a sensor reports every distance it can see and another part "
    "decides what to do next because balance matters more than speed on uneven ground"
).split()
URDU = "روبوٹ آہستہ چلتا ہے اور سینسر ہر فاصلہ بتاتا ہے\u200cتاکہ توازن برقرار رہے".split()
PROTECTED = (
    "`rclpy.spin_once(node)`", "``a ` b``", "`x|y`", "rclpy.spin_once", "cmd_vel", "/cmd_vel",
    "std::string", "TwistStamped", "--symlink-install", "src/nav/main.py", "ROS2", "1.24.3",
    "$E = mc^2$", "$\\alpha_{i} + \\beta$", "\\(x^2\\)", "$$\\int_0^1 f(x)\\,dx$$",
    "https://docs.example.org/a_(b)?q=1&r=2#s", "<https://example.org>", "mail@example.org",
    "![a *b*](img/x.png \"T\")", "[^note]", "[12]", "<br/>", "<kbd>Ctrl</kbd>",
    "<Tabs groupId=\"x\" items={[1, 2]} />", "{props.title}", "<!-- keep -->", "&nbsp;", "\\*",
    "روبوٹ\u200cکس", "__init__", "node.create_publisher()", "⟦7⟧",
)  # fmt: skip
PAIRS = (
    ("[", "](https://example.org/x_y \"T\")"), ("[", "][ref]"), ("**", "**"), ("*", "*"),
    ("~~", "~~"), ("<b class=\"k\">", "</b>"), ("_", "_"),
)  # fmt: skip
_MARK = re.compile(r"⟦(\d+)⟧")


@dataclass(frozen=True)
class Paragraph:
    """A text and the parts that have to be in it afterwards, each as often as listed."""

    text: str
    kept: tuple[str, ...]


def _words(rng: random.Random) -> list[str]:
    return rng.choices(WORDS, k=rng.randint(2, 9))


def _sentence(rng: random.Random, kept: list[str]) -> str:
    parts = _words(rng)
    for _ in range(rng.randint(0, 5)):
        if rng.random() < 0.3:
            opening, closing = rng.choice(PAIRS)
            inner = _words(rng)
            if rng.random() < 0.4 and opening == "[":
                inner.append(rng.choice(PROTECTED[:8]))
                kept.append(inner[-1])
            parts.append(f"{opening}{' '.join(inner)}{closing}")
            kept += [closing] if opening in ("[", closing) else [opening, closing]
        else:
            parts.append(rng.choice(PROTECTED))
            kept.append(parts[-1])
        parts += _words(rng)
    return " ".join(parts) + "."


def make_paragraph(rng: random.Random) -> Paragraph:
    """A paragraph, or a small page with a list, a table, maths and code."""
    kept: list[str] = []
    lines = [_sentence(rng, kept)]
    for _ in range(rng.choice((0, 0, 1, 3))):
        lines.append(rng.choice(_BLOCKS)(rng, kept))
    return Paragraph("\n\n".join(lines), tuple(kept))


def _code(rng: random.Random, kept: list[str]) -> str:
    text = rng.choice((
        "```python title=\"a.py\"\nimport rclpy\n\nrclpy.init()  # the start\n```",
        "~~~\nplain words in code\n~~~",
        "       indented words of code\n       second line",  # deep enough below a list item
        "$$\nx = \\frac{a}{b} \\text{ for all}\n$$",
        "<pre>\nwords here\n</pre>",
        "import Tabs from '@theme/Tabs';",
        "---",
        "[ref]: https://example.org \"A title\"",
    ))  # fmt: skip
    kept.append(text)
    return text


def _list(rng: random.Random, kept: list[str]) -> str:
    markers = rng.choice((("- ", "- "), ("1. ", "2. "), ("* [ ] ", "* [x] "), ("> ", "> > ")))
    kept.append(f"\n{markers[1]}")
    return f"{markers[0]}{_sentence(rng, kept)}\n{markers[1]}{_sentence(rng, kept)}"


def _table(rng: random.Random, kept: list[str]) -> str:
    kept += ["|---|:-:|\n", " | "]
    return f"| {' '.join(_words(rng))} | head |\n|---|:-:|\n| `a\\|b` and c | {WORDS[1]} |"


def _heading(rng: random.Random, kept: list[str]) -> str:
    kept += ["## ", " {#an-anchor}"]
    return f"## {' '.join(_words(rng))} {{#an-anchor}}\n{_sentence(rng, kept)}"


_BLOCKS = (_code, _list, _table, _heading)


def lines_of(messages: Sequence[dict[str, str]]) -> list[str]:
    """What the model is asked to rewrite."""
    return messages[-1]["content"].rpartition("<text>\n")[2].removesuffix("\n</text>").split("\n")


class ManglingModel:
    """Writes Urdu for every word and, in a share of the calls, breaks one of the rules."""

    name = "mangling"

    def __init__(self, seed: int, share: float) -> None:
        self._rng = random.Random(seed)
        self._share = share
        self.calls = 0
        self.mangled = 0

    async def stream(
        self, messages: Sequence[dict[str, str]], *, max_tokens: int
    ) -> AsyncGenerator[ChatDelta, None]:
        self.calls += 1
        reply = "\n".join(self._translated(line) for line in lines_of(messages))
        if self._rng.random() < self._share:
            self.mangled += 1
            reply = self._rng.choice(_MANGLINGS)(self._rng, reply)
        for start in range(0, len(reply), 40):
            yield ChatDelta(text=reply[start : start + 40])
        yield ChatDelta(finish_reason="stop", usage=Usage(len(reply) // 4, len(reply) // 2))

    def _translated(self, line: str) -> str:
        return "".join(
            part if _MARK.fullmatch(part) else re.sub(r"[A-Za-z]+", self._word, part)
            for part in re.split(r"(⟦\d+⟧)", line)
        )

    def _word(self, match: re.Match[str]) -> str:
        return self._rng.choice(URDU)


def _on_mark(change):  # type: ignore[no-untyped-def]
    def mangle(rng: random.Random, reply: str) -> str:
        marks = list(_MARK.finditer(reply))
        if not marks:
            return change("")
        mark = rng.choice(marks)
        return reply[: mark.start()] + change(mark[0]) + reply[mark.end() :]

    return mangle


def _swap(rng: random.Random, reply: str) -> str:
    marks = [mark[0] for mark in _MARK.finditer(reply)]
    if len(marks) < 2:
        return reply
    one, other = rng.sample(marks, 2)
    return reply.replace(one, "\0").replace(other, one).replace("\0", other)


def _shuffle(rng: random.Random, reply: str) -> str:
    words = reply.split(" ")
    rng.shuffle(words)
    return " ".join(words)


_MANGLINGS = (
    _on_mark(lambda mark: ""), _on_mark(lambda mark: mark * 2), _on_mark(lambda mark: mark[1:]),
    _on_mark(lambda mark: mark[:-1]), _on_mark(lambda mark: f"[{mark[1:-1]}]"),
    _on_mark(lambda mark: "⟦999⟧"), _on_mark(lambda mark: f"⟦{mark[1:-1]} code⟧"),
    _on_mark(lambda mark: "`code`"), _on_mark(lambda mark: f"\n{mark}\n"),
    _on_mark(lambda mark: f"**{mark}**"), _on_mark(lambda mark: f"{mark} \\(x\\)"),
    _swap, _shuffle,
    lambda rng, reply: "", lambda rng, reply: "```\n" + reply + "\n```",
    lambda rng, reply: reply + " [mehr](https://evil.example)",
    lambda rng, reply: reply + "<img src=x onerror=alert(1)>",
    lambda rng, reply: reply + " https://evil.example",
    lambda rng, reply: "Sure! Here is it:\n" + reply, lambda rng, reply: reply * 50,
    lambda rng, reply: _MARK.sub("", reply), lambda rng, reply: reply.replace("\n", " "),
    lambda rng, reply: reply + "\x00", lambda rng, reply: "# " + reply,
    lambda rng, reply: "I cannot translate this text.",
    lambda rng, reply: reply[: len(reply) // 2],
    lambda rng, reply: reply + "\n| a | b |", lambda rng, reply: "- " + reply,
)  # fmt: skip
