from __future__ import annotations

import random

import pytest

from backend.text.mask_blocks import split_blocks
from backend.text.mask_spans import compile_spans
from backend.text.masking import DamagedError, Unit, accept, mask
from tests.unit.services.mangling import make_paragraph

PLAIN = compile_spans()
TERMS = compile_spans(("ROS 2", "URDF", "end effector"))


def units(text: str) -> list[str]:
    return [unit.shown for unit in mask(text, PLAIN).units]


def unit(text: str) -> Unit:
    (only,) = mask(text, PLAIN).units
    return only


def kept(text: str, pattern: object = PLAIN) -> list[str]:
    found = mask(text, pattern).units  # type: ignore[arg-type]
    return [span for unit in found for _, span in unit.spans.values()]


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("---\ntitle: x\n---\n\nWords", ["Words"]),
        ("# A head {#id}\ntext", ["A head", "text"]),
        ("Soft\nwrapped\r\nlines", ["Soft wrapped lines"]),
        ("Setext\n======\n", ["Setext"]),
        ("- one\n  more\n- [x] two\n\n1. three", ["one more", "two", "three"]),
        ("- one\n\n  second paragraph\n\n      code", ["one", "second paragraph"]),
        ("> quote\n> goes on\n> > deeper", ["quote goes on", "deeper"]),
        ("a\n\n    code\n\nb", ["a", "b"]),
        ("```js\nwords\n```\nafter", ["after"]),
        ("````\n```\nwords\n````\nafter", ["after"]),
        ("~~~\nnever closed", []),
        ("1. x\n   ```\n   words\n   ```\n", ["x"]),
        ("$$\nx \\text{ for all}\n$$\nafter", ["after"]),
        ("\\begin{align}\nx\n\\end{align}\nafter", ["after"]),
        ("<!-- a\nb -->\nafter", ["after"]),
        ("<pre>\nwords\n</pre>\nafter", ["after"]),
        ('<Tabs\n  a="words">\ninside\n</Tabs>', ["inside"]),
        ("import X from 'y';\n\nimport the package", ["import the package"]),
        (":::tip My title\nbody\n:::", ["My title", "body"]),
        ("|a b|c|\n|-|-|\n|`x|y` d|e \\| f|", ["a b", "c", "⟦1⟧ d", "e ⟦2⟧ f"]),
        ("[ref]: https://a.b 'words'\n[^1]: A note", ["A note"]),
        ("***\n---\nwords", ["words"]),
        ("12 %\n\n`code`\n\n!", []),
    ],
)
def test_only_prose_is_shown_to_the_model(text: str, prose: list[str]) -> None:
    assert units(text) == prose


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("see `a` and ``b ` c``", ["`a`", "``b ` c``"]),
        ("$x$ costs $5 or $6, $$y$$ and \\(z\\)", ["$x$", "$$y$$", "\\(z\\)"]),
        ("[a `b`](u_(v) 't') x", ["[", "`b`", "](u_(v) 't')"]),
        ("![a *b*](c.png) x", ["![a *b*](c.png)"]),
        ("[a][r] and [^n] and [3]", ["[", "][r]", "[^n]", "[3]"]),
        ("at https://a.b/c_d?e=f, or www.x.y.", ["https://a.b/c_d?e=f", "www.x.y"]),
        ("<b class='>'>bold</b><br/> &amp; {a.b}", ["<b class='>'>", "</b>", "<br/>", "&amp;",
                                                    "{a.b}"]),
        ("**a** *b* _c_ ~~d~~", ["**", "**", "*", "*", "_", "_", "~~", "~~"]),
        ("2 * 3 is six, snake _ and a_b", ["a_b"]),
        ("rclpy.spin_once or std::string in src/a/main.py",
         ["rclpy.spin_once", "std::string", "src/a/main.py"]),
        ("run --symlink-install on /cmd_vel with TwistStamped",
         ["--symlink-install", "/cmd_vel", "TwistStamped"]),
        ("call __init__() and spin() of ROS2 1.2.3", ["__init__()", "spin()", "ROS2", "1.2.3"]),
        ("and/or, e.g. this. Next Mr. Smith, 3.5 m", []),
        ("the word روبوٹ\u200cکس here", ["روبوٹ\u200cکس"]),
        ("break  \nhere", ["  \n"]),
        ("fake ⟦1⟧ mark", ["⟦1⟧"]),
    ],
)  # fmt: skip
def test_spans_are_found(text: str, spans: list[str]) -> None:
    assert kept(text) == spans


def test_terms_are_kept_whole_and_lower_case_ones_in_any_case() -> None:
    text = "ROS  2, ROSA and URDF files: End Effector, ros 2"
    assert kept(text, TERMS) == ["ROS  2", "URDF", "End Effector"]


def test_right_to_left_text_is_rewritten_where_it_is_the_text() -> None:
    assert kept("روبوٹ چلتا ہے اور sensor دیکھتا ہے") == []
    assert units("روبوٹ چلتا ہے") == ["روبوٹ چلتا ہے"]


def test_own_words_given_back_are_the_text() -> None:
    rng = random.Random(2)
    for _ in range(300):
        text = make_paragraph(rng).text
        assert "".join(piece.text for piece in split_blocks(text)) == text
        masked = mask(text, PLAIN)
        sources = [unit.source for unit in masked.units]
        assert masked.restore(sources) == text
        assert [accept(unit, unit.shown) for unit in masked.units] == [
            source.replace("\n> ", " ").replace("\n", " ") for source in sources
        ]


def test_placeholders_may_move_and_are_forgiven_their_spaces_and_digits() -> None:
    one = unit("Call `a` on **the node** now.")
    assert one.shown == "Call ⟦1⟧ on ⟦2⟧the node⟦3⟧ now."
    assert accept(one, "On ⟦2⟧ the node ⟦3⟧\n call ⟦ ۱ ⟧ .") == "On **the node** call `a` ."


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty"),
        ("on ⟦2⟧n⟦3⟧", "missing: ⟦1⟧"),
        ("⟦1⟧ ⟦1⟧ ⟦2⟧n⟦3⟧", "repeated or foreign: ⟦1⟧"),
        ("⟦1⟧ ⟦2⟧n⟦3⟧ ⟦4⟧", "repeated or foreign: ⟦4⟧"),
        ("⟦1⟧ ⟦3⟧n⟦2⟧", "encloses"),
        ("⟦1⟧ ⟦2⟧n⟦3⟧ ⟦", "added: ⟦"),
        ("⟦1⟧ ⟦2⟧n⟦3⟧ `rm`", "added: `"),
        ("⟦1⟧ ⟦2⟧n⟦3⟧ <img src=x>", "added: <"),
        ("⟦1⟧ ⟦2⟧n⟦3⟧ https://evil", "added: ://"),
        ("[x](⟦1⟧) ⟦2⟧n⟦3⟧", "added"),
        ("⟦1⟧ ⟦2⟧n⟦3⟧ javascript:x", "added: javascript:"),
        ("⟦1⟧ ⟦2⟧n⟦3⟧ {x}", "added: {"),
        ("⟦1⟧ | ⟦2⟧n⟦3⟧", "added: |"),
        ("# ⟦1⟧ ⟦2⟧n⟦3⟧", "begins"),
        ("- ⟦1⟧ ⟦2⟧n⟦3⟧", "begins"),
        ("⟦1⟧ ⟦2⟧n⟦3⟧\x00", "control"),
        ("⟦1⟧ ⟦2⟧n⟦3⟧" + " more" * 200, "longer"),
    ],
)
def test_damaged_replies_are_told_apart(reply: str, reason: str) -> None:
    with pytest.raises(DamagedError, match=reason):
        accept(unit("Call `a` on **n** now."), reply)


def test_crossed_pairs_are_refused() -> None:
    link = unit("See [the *whole* page](https://a.b) now.")
    assert link.shown == "See ⟦1⟧the ⟦2⟧whole⟦3⟧ page⟦4⟧ now."
    with pytest.raises(DamagedError, match="encloses"):
        accept(link, "See ⟦1⟧the ⟦2⟧whole⟦4⟧ page⟦3⟧ now.")


def test_markup_characters_of_the_original_may_stay() -> None:
    assert accept(unit("2 * 3 < 7, it costs $5"), "$5: 2 * 3 < 7") == "$5: 2 * 3 < 7"


@pytest.mark.parametrize(
    "part",
    ["[", "[a", "`", "`a", "$a", "<a ", "{", "*a ", "**", "\\(", "\\begin{a}", "a/", "a.", "a_",
     "http://", "a@a.", "<!--", "<code>", "![[", "](", "[x]((", "-a", "é", "|`", "| ", "> ", "- ",
     "$$ ", "ا ", "1.", "__a", "[x](<", '[x](a "', "Aa", "[`", "[\\", "\n|-", "\n    a", "\n>",
     "x<a b='", "#", " ", "\\", "{#", "⟦1", ":::", "import ", "&a"],
)  # fmt: skip
def test_hostile_texts_come_to_an_end_whole(part: str) -> None:
    text = part * (8_000 // len(part))
    masked = mask(text, TERMS)  # the run's time limit is what fails here
    assert masked.restore([unit.source for unit in masked.units]) == text
