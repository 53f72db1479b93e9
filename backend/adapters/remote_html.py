"""The main content of a documentation page in HTML -> Markdown that the chunker reads.

Headings keep their ids as ``{#id}``, so that links lead to the page's own anchors. Links become
their text. It is a reader for retrieval, not a converter that could be reversed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4.element import Tag

_CONTENT = (".theme-doc-markdown", "article", "main", "[role=main]", "#content", "body")
_NOISE = (
    "script, style, noscript, template, svg, nav, footer, form, button, iframe, "
    ".hash-link, .headerlink, .pagination-nav, .theme-doc-breadcrumbs, .theme-doc-toc-mobile, "
    ".theme-doc-footer, .sr-only, [aria-hidden=true]"
)
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_BLOCKS = frozenset(
    "p div section article header main aside details summary dl dt dd figure figcaption address "
    "body ul ol li table pre blockquote hr h1 h2 h3 h4 h5 h6 fieldset".split()
)
_LANGUAGE = re.compile(r"(?:language|lang|highlight-source|highlight)-([\w+#-]+)")
_SPACE = re.compile(r"\s+")
_TITLE_END = re.compile(r"\s+[|\u2013\u2014·-]\s+[^|\u2013\u2014·]*$")


def page_markdown(html: str, slug: str) -> str:
    """Front matter with title and slug, then the page's main content."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    title = _TITLE_END.sub("", _text(soup.title)) if soup.title else ""
    for noise in soup.select(_NOISE):
        noise.decompose()
    heading = soup.find("h1")
    title = _text(heading) if heading else title
    front = f"---\ntitle: {json.dumps(title, ensure_ascii=False)}\nslug: /{slug}\n---\n\n"
    content = next(filter(None, (soup.select_one(selector) for selector in _CONTENT)), soup)
    blocks = _blocks(content)
    return front + "\n\n".join(blocks) + "\n" if blocks else front


def _text(tag: Tag | None) -> str:
    return _SPACE.sub(" ", tag.get_text()).strip() if tag else ""


def _blocks(tag: Tag) -> list[str]:
    """The Markdown blocks of an element's children; runs of inline content become paragraphs."""
    from bs4.element import Tag

    blocks: list[str] = []
    run: list[str] = []
    for child in tag.children:
        if isinstance(child, Tag) and (child.name in _BLOCKS or child.find(_BLOCKS)):
            _end_run(run, blocks)
            blocks += _block(child)
        else:
            run.append(_inline(child))
    _end_run(run, blocks)
    return blocks


def _end_run(run: list[str], blocks: list[str]) -> None:
    text = _SPACE.sub(" ", "".join(run)).strip()
    if text:
        blocks.append(_escaped(text))
    run.clear()


def _block(tag: Tag) -> list[str]:
    name = tag.name
    if name in _HEADINGS:
        own_id = f" {{#{tag['id']}}}" if tag.get("id") else ""
        text = _SPACE.sub(" ", "".join(map(_inline, tag.children))).strip()
        return [f"{_HEADINGS[name]} {text}{own_id}"] if text else []
    if name == "pre":
        return [_code(tag)]
    if name in ("ul", "ol"):
        return [_list(tag, ordered=name == "ol")]
    if name == "table":
        return [_table(tag)]
    if name == "blockquote":
        return ["\n".join(f"> {line}".rstrip() for line in "\n\n".join(_blocks(tag)).split("\n"))]
    return _blocks(tag)


def _inline(node: object) -> str:
    from bs4.element import Comment, NavigableString, Tag

    if isinstance(node, Tag):
        if node.name == "img":
            return str(node.get("alt") or "")
        if node.name == "br":
            return " "
        if node.name in ("code", "kbd", "samp"):
            text = _SPACE.sub(" ", node.get_text())
            return f"`{text}`" if text.strip() and "`" not in text else text
        return "".join(map(_inline, node.children))
    return str(node) if isinstance(node, NavigableString) and not isinstance(node, Comment) else ""


def _escaped(text: str) -> str:
    """A paragraph must not begin like a heading, a list or a fence."""
    return f"\\{text}" if re.match(r"[#>+*=~|-]|:::|\$\$", text) else text


def _code(tag: Tag) -> str:
    for line_break in tag.find_all("br"):
        line_break.replace_with("\n")
    code = tag.get_text().strip("\n").rstrip()
    classes = " ".join(
        " ".join(filter(None, found.get_attribute_list("class")))
        for found in (tag, tag.parent, tag.find("code"))
        if found is not None
    )
    language = _LANGUAGE.search(classes)
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`{3,}", code))])
    return f"{ticks}{language[1] if language else ''}\n{code}\n{ticks}"


def _list(tag: Tag, *, ordered: bool) -> str:
    items = []
    for number, item in enumerate(tag.find_all("li", recursive=False), 1):
        mark = f"{number}. " if ordered else "- "
        blocks = _blocks(item)
        indent = " " * len(mark)
        body = "\n".join(
            f"{indent}{line}" if line else "" for line in "\n\n".join(blocks).split("\n")
        )
        items.append(mark + body[len(mark) :])
    return "\n".join(items)


def _table(tag: Tag) -> str:
    rows = [
        [_SPACE.sub(" ", "".join(map(_inline, cell.children))).strip().replace("|", "\\|")
         for cell in row.find_all(["th", "td"])]
        for row in tag.find_all("tr")
    ]  # fmt: skip
    rows = [row for row in rows if row]
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    return "\n".join([lines[0], f"|{'---|' * width}", *lines[1:]])
