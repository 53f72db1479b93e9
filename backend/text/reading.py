"""Renders a chapter as a plain HTML page, for citation links where no site is configured. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from backend.domain import Chunk

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_SAFE_LINKS = ("https://", "http://", "mailto:", "#", "/", "./", "../")


def render_chapter(chunks: Sequence[Chunk]) -> str:
    """HTML of the chapter's chunks in order; raw HTML in the source is shown as text.

    Every anchor that a chunk names is the ``id`` of an element, so a citation's link finds it.
    """
    parts, seen = [], set()
    for chunk in chunks:
        anchor = ""
        if chunk.anchor and chunk.anchor not in seen:
            seen.add(chunk.anchor)
            anchor = f'<span id="{escape(chunk.anchor, quote=True)}"></span>'
        parts.append(f"<section>{anchor}{_markdown().render(_plain(chunk.text))}</section>")
    return "\n".join(parts)


def _plain(text: str) -> str:
    """The text without the parts of Docusaurus's dialect that a plain renderer would show raw."""
    lines, fenced = [], False
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith(("```", "~~~")):
            fenced = not fenced
        if not fenced and stripped.startswith(":::"):
            note = stripped.strip(": ").partition("[")
            label = note[2].rstrip("]") or note[0].capitalize()
            lines += [f"**{label}**", ""] if label else [""]
            continue
        if not fenced and stripped.startswith("#") and stripped.endswith("}") and "{#" in stripped:
            line = line[: line.rindex("{#")].rstrip()
        lines.append(line)
    return "\n".join(lines)


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    markdown.disable("image")  # an image of the book's repository is not served here
    markdown.validateLink = lambda url: url.startswith(_SAFE_LINKS)  # type: ignore[method-assign]
    return markdown
