"""Front matter, page path and title of a file, as Docusaurus derives them.

The rules are those of Docusaurus's docs plugin (``slug.ts``, ``numberPrefix.ts``, ``docs.ts``):
an absolute ``slug`` is the page; without a slug, ``index``, ``readme`` and a file called like its
folder are the folder's page; anything else is ``slug``, ``id`` or file name, resolved against the
folder; number prefixes such as ``01-`` go unless the name looks like a date or a version.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_FRONT_MATTER = 65_536
"""Characters. A longer one is read line by line: nobody writes it, and YAML is slow on it."""

_WANTED = ("title", "sidebar_label", "slug", "id")
_ENTRY = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:(?:[ \t]+(.*))?$")
_DATE_OR_VERSION = re.compile(r"(?:\d{2}|\d{4})[-_.]\d{2}|\d+[-_.]\d+")
_NUMBER_PREFIX = re.compile(r"\d+\s*[-_.]+\s*(?P<suffix>[^-_.\s].*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What matters of it; ``lines`` is how many lines of the file it takes, fences included.

    ``draft``: Docusaurus makes no page of the file.
    """

    lines: int = 0
    title: str = ""
    sidebar_label: str = ""
    slug: str = ""
    id: str = ""
    draft: bool = False


def read_front_matter(lines: Sequence[str]) -> FrontMatter:
    """The front matter at the head of a file; an empty one where there is none.

    Malformed YAML is read line by line, so ``title: Nodes: an introduction`` still gives a title.
    A file that merely begins with a thematic break has no front matter.
    """
    if not lines or lines[0].rstrip() != "---":
        return FrontMatter()
    for end in range(1, len(lines)):
        if lines[end].rstrip() == "---":
            break
    else:
        return FrontMatter()
    values = _values(lines[1:end])
    if values is None:
        return FrontMatter()
    wanted = {name: values[name].strip() for name in _WANTED if isinstance(values.get(name), str)}
    draft = values.get("draft")
    return FrontMatter(
        lines=end + 1, draft=isinstance(draft, str) and draft.lower() == "true", **wanted
    )


def _values(lines: Sequence[str]) -> dict[str, str] | None:
    body = "\n".join(lines)
    if not body.strip():
        return {}
    loaded = _load_yaml(body) if len(body) <= MAX_FRONT_MATTER else None
    if isinstance(loaded, dict):
        return loaded
    found = (_ENTRY.match(line) for line in lines)
    entries = {match[1]: (match[2] or "").strip().strip("\"'") for match in found if match}
    return entries or None


def _load_yaml(body: str) -> object:
    import yaml  # type: ignore[import-untyped]  # the package carries no types

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return yaml.load(body, Loader=loader)  # BaseLoader knows strings, lists and mappings only
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def page_path(path: str, front: FrontMatter) -> str:
    """The page below the docs root, without slash at either end; "" is the root page.

    ``path`` is POSIX and relative to the docs root. The result is not percent-encoded.
    """
    if front.slug.startswith("/"):
        return _normalised(front.slug)
    folder, name = posixpath.split(path)
    stem = posixpath.splitext(name)[0]
    base = "/".join(_unprefixed(part) for part in folder.split("/"))
    if not front.slug and _is_folder_page(stem, folder):
        return _normalised(base)
    own_id = front.id if front.id and "/" not in front.id else _unprefixed(stem)
    return _normalised(f"{base}/{front.slug or own_id}")


def fallback_title(path: str) -> str:
    """A title made of the file's name: ``02-sim-to-real.md`` is "Sim to real"."""
    folder, name = posixpath.split(path)
    stem = posixpath.splitext(name)[0]
    if folder and _is_folder_page(stem, folder):
        stem = posixpath.basename(folder)
    words = re.sub(r"[-_\s]+", " ", _unprefixed(stem)).strip()
    return words[:1].upper() + words[1:] if words else stem


def _is_folder_page(stem: str, folder: str) -> bool:
    return stem.lower() in ("index", "readme", posixpath.basename(folder).lower() or "index")


def _unprefixed(name: str) -> str:
    if _DATE_OR_VERSION.match(name):
        return name
    match = _NUMBER_PREFIX.match(name)
    return match["suffix"] if match else name


def _normalised(path: str) -> str:
    return posixpath.normpath(f"/{path}").strip("/")
