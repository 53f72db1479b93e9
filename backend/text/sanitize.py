"""Makes an answer's Markdown safe to render. Pure; doing it twice changes nothing more.

What a model or a document wrote may hold images (fetching one tells a stranger who reads what),
raw HTML, ``javascript:`` links, terminal escapes and characters that turn text around. None of that
belongs in an answer. Code survives byte for byte, because a book about software is full of it;
where it is not certain that every renderer sees code too, the text is treated as prose.

Every pattern runs in linear time: quantifiers are possessive or stop at the character that starts
the pattern.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

Change = Callable[[str], str]

MAX_CHARS = 40_000
_DEEPEST_QUOTE = 4
_CUT = "\n\n… (cut here: the answer was too long to show)"

# CSI, OSC and two-character escapes as in ECMA-48, with 7-bit and 8-bit introducers.
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)
# C0 and C1 except tab and newline; embeddings, overrides and isolates (marks U+200E/F and joiners
# are ordinary Urdu and Persian); separators; tag characters; lone surrogates; BOM.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_MANY_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")

_FENCE = re.compile(r"^( *)(`{3,}(?=[^`]*$)|~{3,})")
_FENCE_IN_LIST = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t].*(?:`{3}|~{3})")
_QUOTE_MARK = re.compile(r"^ {0,3}> ?")
_BACKTICKS = re.compile(r"`+")
_BLANK_LINES = re.compile(r"(\n[ \t]*\n)")

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SILENT = re.compile(
    r"<(script|style|template|noscript)\b[^<>]*>.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_HTML_NAMES = (
    "a|abbr|address|area|article|aside|audio|b|base|bdi|bdo|blockquote|body|br|button|canvas|"
    "caption|center|cite|code|col|colgroup|data|datalist|dd|del|details|dfn|dialog|div|dl|dt|em|"
    "embed|fieldset|figcaption|figure|font|footer|form|frame|frameset|h[1-6]|head|header|hgroup|hr|"
    "html|i|iframe|image|img|input|ins|kbd|label|legend|li|link|main|map|mark|marquee|math|menu|"
    "meta|meter|nav|noscript|object|ol|optgroup|option|output|p|param|picture|portal|pre|progress|"
    "q|rp|rt|ruby|s|samp|script|search|section|select|slot|small|source|span|strong|style|sub|"
    "summary|sup|svg|table|tbody|td|template|textarea|tfoot|th|thead|time|title|tr|track|u|ul|use|"
    "var|video|wbr"
)
_TAG = re.compile(
    rf"""</?(?:{_HTML_NAMES})(?=[\s/>])(?:"[^"<]*+"|'[^'<]*+'|[^<>"']++)*+>""", re.IGNORECASE
)
# An address in angle brackets is Markdown: it stays when it leads to the web or to a mailbox.
_OPENS_MARKUP = re.compile(r"<(?=[a-zA-Z/!?])(?!(?:https?://|mailto:)[^\s<>]*+>)")

_TARGET = r"[^()\n]*+(?:\([^()\n]*+\)[^()\n]*+)*+"
_IMAGE = re.compile(rf"!\[([^\[\]]*+)\](?:\({_TARGET}\)|\[[^\[\]\n]*+\])")
_IMAGE_MARK = re.compile(r"!++(?=\[)")
_CITED = re.compile(r"!(?=\[\d{1,3}\](?![(\[]))")
_DEFINITION = re.compile(r"^([ \t>]*+(?:[-*+][ \t]++)?)\[(?=[^\[\]\n]++\]:)", re.MULTILINE)
_LINK = re.compile(r"\[([^\[\]]*+)\]\(\s*+<?([^()\s<>]*+(?:\([^()\s]*+\)[^()\s<>]*+)*+)>?[^()]*+\)")
_DESTINATION = re.compile(r"(\]\(\s*+<?)([^\s>]++)")
_NOT_IN_SCHEME = re.compile(r"[\s\\<\x00-\x20]")
_SCHEME = re.compile(r"^([a-z][a-z0-9+.\-]*+):", re.IGNORECASE)
_ALLOWED_SCHEMES = frozenset({"http", "https", "mailto"})


def strip_controls(text: str) -> str:
    """Text without terminal escapes, control characters and what reverses reading direction."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", _ANSI.sub("", text))


def sanitize(markdown: str, *, max_chars: int = MAX_CHARS) -> str:
    """Markdown that renders without images, raw HTML, unsafe links, escapes or bidi overrides.

    Args:
        markdown: What a model or a document wrote; may be the beginning of an answer that streams.
        max_chars: Longer text is cut there, with a note.

    Returns:
        The text with code kept byte for byte. An image becomes its alternative text, an HTML
        element its content, a link with another scheme than http, https or mailto its label;
        reference definitions become text, so that no reference resolves.
    """
    cut = len(markdown) > max_chars
    return over_prose(strip_controls(markdown[:max_chars]), _clean) + (_CUT if cut else "")


def over_prose(markdown: str, change: Change) -> str:
    """Apply ``change`` to every paragraph of a text that is not code; joins what it returns.

    Args:
        markdown: Text without NUL.
        change: Gets a run of lines without a blank one, its code spans replaced by marks that it
            has to leave alone.
    """
    return _blocks(markdown.split("\n"), change, quote_depth=0)


def _clean(prose: str) -> str:
    return _links(_images(_markup(prose)))


def _blocks(lines: list[str], change: Change, quote_depth: int) -> str:
    """Change everything between fenced code blocks; what is quoted is a text by itself."""
    done: list[str] = []
    prose: list[str] = []
    at, certain = 0, True
    while at < len(lines):
        end = _quote_end(lines, at) if quote_depth < _DEEPEST_QUOTE else at
        if end > at:
            inner = [_QUOTE_MARK.sub("", line) for line in lines[at:end]]
            block = _blocks(inner, change, quote_depth + 1).split("\n")
            done += [*_prose(prose, change), *(f"> {line}" for line in block)]
            # Without a blank line the next one could continue the quote's last paragraph.
            done += [""] if end < len(lines) and lines[end].strip() else []
            prose, at = [], end
            continue
        fence = _FENCE.match(lines[at]) if certain else None
        end = _fence_end(lines, at, fence, prose) if fence else at
        certain = certain and end >= at and not _FENCE_IN_LIST.match(lines[at])
        if end > at:
            done += [*_prose(prose, change), *lines[at:end]]
            prose, at = [], end
        else:
            prose.append(lines[at])
            at += 1
    return "\n".join([*done, *_prose(prose, change)])


def _quote_end(lines: list[str], at: int) -> int:
    end = at
    while end < len(lines) and _QUOTE_MARK.match(lines[end]):
        end += 1
    return end


def _fence_end(lines: list[str], at: int, fence: re.Match[str], before: list[str]) -> int:
    """Index after a fenced block; ``at`` when it is none; -1 when renderers might disagree.

    A fence indented by up to three spaces stands alone or in a list, and a line indented less than
    it may have ended that list: nobody knows what is code from there on. A deeper one is a fence in
    a nested list, indented code or the rest of a paragraph; all three make its content code only
    if it is closed and no backtick is open before it.
    """
    indent, mark = len(fence.group(1)), fence.group(2)
    deep = indent > 3
    if deep and not _balanced(before):
        return at
    for end in range(at + 1, len(lines)):
        line = lines[end]
        depth = len(line) - len(line.lstrip(" "))
        text = line.strip()
        if text and depth < indent:
            return at if deep else -1
        if text.startswith(mark) and not text.strip(mark[0]):
            return end + 1 if depth <= max(indent, 3) else -1
    return at if deep else len(lines)


def _balanced(prose: list[str]) -> bool:
    """Whether no code span is open at the end of the paragraph that these lines end with."""
    for line in reversed(prose):
        if not line.strip():
            break
        if _code_spans(line) is None:
            return False
    return True


def _prose(lines: list[str], change: Change) -> list[str]:
    if not lines:
        return []
    text = _MANY_BLANK_LINES.sub("\n\n", "\n".join(lines))
    return ["".join(_paragraph(piece, change) for piece in _BLANK_LINES.split(text))]


def _paragraph(text: str, change: Change) -> str:
    """Change one run of lines without a blank one, with its inline code set aside."""
    kept: list[str] = []

    def set_aside(span: str) -> str:
        kept.append(span)
        return f"\x00{len(kept) - 1}\x00"  # NUL cannot occur: controls were removed

    lines = [_code_spans(line) for line in text.split("\n")]
    if all(line is not None for line in lines):
        text = "\n".join(
            "".join(set_aside(part) if is_code else part for is_code, part in line or [])
            for line in lines
        )
    return re.sub(r"\x00(\d+)\x00", lambda match: kept[int(match.group(1))], change(text))


def _code_spans(line: str) -> list[tuple[bool, str]] | None:
    """Split a line into (is code, text); None when a run of backticks finds no partner in it.

    Such a run could pair with one on another line, and a span that holds a ``|`` could be cut in
    two by a table: in neither case is it certain what a renderer takes for code.
    """
    parts: list[tuple[bool, str]] = []
    done = 0
    while (run := _BACKTICKS.search(line, done)) is not None:
        before = line[done : run.start()]
        escaped = (len(before) - len(before.rstrip("\\"))) % 2
        start = run.start() + escaped  # an escaped backtick opens nothing
        end = _partner(line, run.end(), run.end() - start) if start < run.end() else start
        if end is None:
            return None
        span = line[start:end]
        parts += [(False, line[done:start]), (bool(span) and "|" not in span, span)]
        done = end
    return [*parts, (False, line[done:])]


def _partner(line: str, at: int, width: int) -> int | None:
    """End of the next run of exactly ``width`` backticks, before which no backslash matters."""
    for run in _BACKTICKS.finditer(line, at):
        if run.end() - run.start() == width:
            return run.end()
    return None


def _markup(text: str) -> str:
    text = _SILENT.sub("", _COMMENT.sub("", text))
    text = _TAG.sub("", _BREAK.sub(" ", text))
    return _OPENS_MARKUP.sub("&lt;", text)


def _images(text: str) -> str:
    text = _CITED.sub("! ", text)  # "Really![1]" is an exclamation and a citation
    text = _DEFINITION.sub(r"\1\\[", text)
    return _IMAGE_MARK.sub("", _IMAGE.sub(r"\1", text))


def _links(text: str) -> str:
    text = _LINK.sub(lambda link: link.group() if _safe(link.group(2)) else link.group(1), text)
    # Whatever the pattern above did not take for a link, a more lenient renderer might.
    text = _DESTINATION.sub(
        lambda link: link.group() if _safe(link.group(2)) else f"{link.group(1)}#", text
    )
    return _IMAGE_MARK.sub("", text)


def _safe(destination: str) -> bool:
    """Whether a browser would open this address without running or embedding anything."""
    address = _NOT_IN_SCHEME.sub("", html.unescape(html.unescape(destination)))
    scheme = _SCHEME.match(address)
    return scheme is None or scheme.group(1).lower() in _ALLOWED_SCHEMES
