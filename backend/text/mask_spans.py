"""Finds what inside a line of prose has to stay as it is: code, links, maths, markup, names. Pure.

A link, an emphasis and a pair of HTML tags are two spans, so that the words between them can be
rewritten; everything else is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_DESTINATION = r"(?:<[^<>\n]*>|(?:[^\s()<>\\]|\\.|\([^\s()]*\))*)"
_TITLE = r"""(?:\s+(?:"[^"]*"|'[^']*'))?"""
_TARGET = rf"(?:\(\s*{_DESTINATION}{_TITLE}\s*\)|\[[^\[\]]*\])"
_LABEL = r"(?:[^\[\]\\`]|\\.|``(?:[^`]|`(?!`))+``|`[^`]+`|\[[^\[\]]*\]){0,800}"
_RTL = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_MARKS = "\u200c-\u200f\u202a-\u202e\u2066-\u2069"

_SPANS: tuple[tuple[str, str], ...] = (
    ("mark", r"[⟦⟧](?:\d{1,9}⟧)?"),
    ("comment", r"<!--.*?-->"),
    ("element", r"(?is:<(?P<el>code|pre|kbd|samp|var|script|style|svg|math)\b[^>]{0,500}>"
                r".{0,4000}?</(?P=el)\s*>)"),
    ("code", r"(?s:(?<!`)(?P<ticks>`+)(?!`).{1,4000}?(?<!`)(?P=ticks)(?!`))"),
    ("math", r"(?s:\$\$.{1,4000}?\$\$|\\\(.{1,900}?\\\)|\\\[.{1,900}?\\\]"
             r"|\\begin\{(?P<env>[\w*]+)\}.{0,4000}?\\end\{(?P=env)\})"),
    ("dollar", r"(?<![\w$\\])\$(?![\s$])(?:[^$\n\\]|\\.)*?(?<![\s\\])\$(?![\d$])"),
    ("break", r" {2,}\r?\n[ \t>]*|\\\r?\n[ \t>]*"),
    ("image", rf"!\[{_LABEL}\]{_TARGET}"),
    ("link", rf"\[(?P<label>{_LABEL})\]{_TARGET}"),
    ("note", r"\[\^[^\]\s]+\]|\[\d{1,3}\]"),
    ("url", r"(?i:<?\b(?:https?|ftp|file|wss?)://[^\s<>\"'`⟦⟧]*[^\s<>\"'`⟦⟧.,;:!?)\]}*_]>?"
            r"|\bwww\.[^\s<>\"'`⟦⟧]*[^\s<>\"'`⟦⟧.,;:!?)\]}*_])"),
    ("email", r"<?(?<![\w.+@-])(?:mailto:)?[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+>?"),
    ("tag", r"</?[A-Za-z][\w.:-]*(?:\s(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)?/?>|</?>|<[!?][^<>]*>"
            r"|<(?=\s*/?\s*text\b)"),
    ("expression", r"\{(?:[^{}]|\{[^{}]*\})*\}"),
    ("entity", r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"),
    ("dunder", r"(?<!\w)__\w{1,60}?__\b(?:\(\))?"),
    ("escape", r"\\[A-Za-z]+(?:\{[^{}]*\})*|\\[!-/:-@\[-`{-~]"),
    ("emphasis", r"(?<!\s)(?:\*{1,3}|~~)|(?:\*{1,3}|~~)(?=\S)|(?<!\w)_{1,3}(?=[^\s_])"
                 r"|(?<=[^\s_])_{1,3}(?!\w)"),
)  # fmt: skip
_NAMES = (
    r"(?a:"
    r"(?<![\w/.~-])(?:\.{0,2}|~)/[\w.+-]+(?:/[\w.+{}*-]+)*/?(?<![.])"  # /cmd_vel, ./src, ~/ws
    r"|(?<![\w./+-])[\w.-]{1,80}(?:/[\w.+-]{1,80})+\.\w{1,5}\b"  # src/main.py
    r"|(?<![\w/+-])[\w-]{1,80}(?:/[\w+-]{1,80}){2,}"  # a/b/c
    r"|(?<![\w-])--?[A-Za-z][\w-]*(?:=[\w./:-]+)?(?!\w)"  # --symlink-install
    r"|\b[A-Za-z_]\w*(?:(?:::|->)[A-Za-z_]\w*)+(?:\(\))?"  # std::string
    r"|\b[A-Za-z_]\w+(?:\.[A-Za-z_]\w*)+(?:\(\))?"  # rclpy.spin_once, but not "e.g."
    r"|\b\w+\(\)"  # spin()
    r"|\b[A-Za-z]\w*_\w*[A-Za-z0-9]|\b_[A-Za-z]\w*"  # cmd_vel, _private
    r"|\b[a-z]+[A-Z]\w*|\b[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+\b"  # camelCase, TwistStamped
    r"|\bv?\d+(?:\.\d+){2,}[\w.-]*\b|\b[A-Za-z]+\d\w*\b"  # 1.2.3, ROS2, x86
    r")"
)
_MINORITY = 0.5
_RIGHT_TO_LEFT = re.compile(f"[{_RTL}]")
_LETTER = re.compile(r"[^\W\d_]")
_VOID = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})
_TAG_NAME = re.compile(r"</?([A-Za-z][\w.:-]*)?")
_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Span:
    """A protected part of a line, from ``start`` to ``end``.

    ``pair`` numbers the two ends of a link, an emphasis or an element, 0 for what stands alone;
    ``opens`` tells them apart. ``tight``: no space may come between it and what it encloses.
    """

    start: int
    end: int
    kind: str
    pair: int = 0
    opens: bool = False

    @property
    def tight(self) -> bool:
        """Whether a space inside would undo it, as inside an emphasis."""
        return self.kind == "emphasis" and self.pair > 0


def compile_terms(terms: tuple[str, ...]) -> str:
    """A pattern of the terms that are never translated; one in lower case matches in any case."""
    escaped = []
    for term in sorted(set(terms), key=lambda term: (-len(term), term)):
        words = r"\s+".join(re.escape(word) for word in term.split())
        escaped.append(f"(?i:{words})" if term == term.lower() else words)
    return rf"(?<!\w)(?:{'|'.join(escaped)})(?!\w)" if escaped else r"(?!)"


def compile_spans(terms: tuple[str, ...] = ()) -> re.Pattern[str]:
    """The pattern of everything protected, with the terms that stay as they are."""
    parts = [f"(?P<{kind}>{pattern})" for kind, pattern in _SPANS]
    parts.append(f"(?P<name>{_NAMES})")
    parts.append(f"(?P<term>{compile_terms(terms)})")
    parts.append(f"(?P<foreign>[{_RTL}](?:[{_RTL}{_MARKS}\\s،۔.-]*[{_RTL}{_MARKS}])?)")
    return re.compile("|".join(parts))


def find_spans(text: str, pattern: re.Pattern[str]) -> list[Span]:
    """The protected spans of a piece of prose, in order and without overlap.

    Right-to-left words are protected where the text around them is mostly of another script.
    """
    letters = len(_LETTER.findall(text))
    keeps_rtl = len(_RIGHT_TO_LEFT.findall(text)) < letters * _MINORITY
    found = _scan(text, 0, len(text), pattern, _DEPTH)
    return _paired(text, [s for s in found if keeps_rtl or s.kind != "foreign"])


def _scan(text: str, start: int, end: int, pattern: re.Pattern[str], depth: int) -> Iterator[Span]:
    for match in pattern.finditer(text, start, end):
        kind = match.lastgroup or ""
        if kind == "link" and depth:
            yield Span(match.start(), match.start("label"), kind, opens=True)
            yield from _scan(text, match.start("label"), match.end("label"), pattern, depth - 1)
            yield Span(match.end("label"), match.end(), kind)
        else:
            yield Span(match.start(), match.end(), kind)


def _paired(text: str, spans: list[Span]) -> list[Span]:
    """Give the two ends of each link, element and emphasis a common number."""
    done = list(spans)
    waiting: list[tuple[str, int]] = []
    pairs = 0
    for index, span in enumerate(spans):
        name, may_open, may_close = _ends(text, span)
        partner = _last(waiting, name) if may_close else None
        if partner is not None:
            pairs += 1
            opener = waiting[partner][1]
            done[opener] = replace(done[opener], pair=pairs, opens=True)
            done[index] = replace(span, pair=pairs, opens=False)
            del waiting[partner:]
        elif may_open:
            waiting.append((name, index))
    return done


def _last(waiting: list[tuple[str, int]], name: str) -> int | None:
    return next((n for n in range(len(waiting) - 1, -1, -1) if waiting[n][0] == name), None)


def _ends(text: str, span: Span) -> tuple[str, bool, bool]:
    """What a span could be an end of, and whether it may open or close it."""
    raw = text[span.start : span.end]
    if span.kind == "link":
        return "[", span.opens, not span.opens
    if span.kind == "tag":
        match = _TAG_NAME.match(raw)
        name = (match[1] or "") if match else ""
        alone = raw.endswith("/>") or raw[1:2] in "!?" or name.lower() in _VOID
        closing = raw.startswith("</")
        return f"<{name}", not alone and not closing, not alone and closing
    if span.kind == "emphasis":
        before = text[span.start - 1 : span.start]
        after = text[span.end : span.end + 1]
        return raw, bool(after.strip()), bool(before.strip())
    return "", False, False
