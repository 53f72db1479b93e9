"""What variables mean together: providers, required partners, folders, the Space."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from backend.domain import Status
from backend.variables.addresses import parse_http
from backend.variables.cleaning import is_local
from backend.variables.findings import Kind
from backend.variables.reading import Draft

_BOOK = (".md", ".mdx", ".txt")
_FOLDERS_LOOKED_AT = 5_000
_RANDOM = "Make one: `python -c 'import secrets; print(secrets.token_urlsafe(48))'`."
Writable = Callable[[Path], bool]


def is_writable(folder: Path) -> bool:
    """Whether files can be put into a folder, or the folder made. Changes nothing."""
    try:
        while not folder.exists():
            if folder.parent == folder:
                return False
            folder = folder.parent
        return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    except (OSError, ValueError):
        return False


def stores(draft: Draft) -> None:
    """Qdrant Cloud needs a key; a key without a server does nothing."""
    url = draft.values.get("QDRANT_URL", "")
    if (urlsplit(url).hostname or "").endswith(".cloud.qdrant.io"):
        draft.need(
            "QDRANT_API_KEY",
            "Not set, and Qdrant Cloud refuses every call without it.",
            "Create a key on the cluster's page, under API Keys, and set it here.",
        )
    elif not url and "QDRANT_API_KEY" in draft.values:
        problem = "Set, but there is no QDRANT_URL to use it with; vectors stay in DATA_DIR."
        draft.add("QDRANT_API_KEY", Kind.CHANGED, problem, "Set QDRANT_URL too, or remove the key.")


def access(draft: Draft) -> None:
    """On a Space the secrets of accounts and of the admin UI are needed; the rest works without."""
    if draft.on_space:
        draft.need(
            "BETTER_AUTH_SECRET",
            "Not set: accounts and history answer 503 (everything else works).",
            _RANDOM,
            Status.DEGRADED,
        )
        draft.need(
            "ADMIN_TOKEN",
            "Not set: nobody can ingest, see details or change anything.",
            _RANDOM,
            Status.DEGRADED,
        )
    previous = draft.values.get("DATA_ENCRYPTION_KEY_PREVIOUS")
    if previous is not None and previous == draft.values.get("DATA_ENCRYPTION_KEY"):
        problem = "It is the same as DATA_ENCRYPTION_KEY, so nothing is replaced."
        fix = "Put the new key into DATA_ENCRYPTION_KEY, or remove this one."
        draft.add("DATA_ENCRYPTION_KEY_PREVIOUS", Kind.CHANGED, problem, fix)
    token = draft.values.get("ADMIN_TOKEN")
    if token is not None and len(token.get_secret_value()) < 12:
        problem = "It is shorter than 12 characters, which can be guessed"
        if draft.on_space:
            draft.reject("ADMIN_TOKEN", f"{problem}; it is not used.", _RANDOM)
        else:
            draft.add("ADMIN_TOKEN", Kind.WEAK, f"{problem}.", _RANDOM)
    own = f"https://{draft.space_host}" if draft.space_host else ""
    origins = draft.values["CORS_ALLOWED_ORIGINS"]
    draft.values["CORS_ALLOWED_ORIGINS"] = tuple(dict.fromkeys((*origins, *([own] if own else []))))
    if draft.on_space and "CORS_ALLOWED_ORIGINS" not in draft.sources:
        problem = "Not set: browsers let only the Space's own pages and localhost call."
        fix = "List the addresses of your frontends, such as https://book.example.app."
        draft.add("CORS_ALLOWED_ORIGINS", Kind.MISSING, problem, fix, Status.OFF)


def _has_pages(folder: Path) -> bool:
    """Whether a page is there; a folder too large to look through gets the benefit of the doubt."""
    if folder.is_file():
        return folder.name.lower().endswith(_BOOK)
    seen = 0
    for _, _, names in os.walk(folder):
        seen += 1
        if seen > _FOLDERS_LOOKED_AT or any(n.lower().endswith(_BOOK) for n in names):
            return True
    return False


def content(draft: Draft) -> None:
    """DOCS_PATH leads to pages, by folder or https.

    A wrong one is kept: with the default in its place, the next ingest would replace the book in
    the index by other pages.
    """
    path = draft.values["DOCS_PATH"]
    if "://" in path:
        address = parse_http(path)
        if address is None or (address.scheme == "http" and not is_local(address.host)):
            draft.add(
                "DOCS_PATH",
                Kind.WRONG,
                "It is not an https address.",
                "Set a folder, or an https address of a repository archive or a sitemap.",
                Status.DOWN,
            )
    else:
        _check_folder(draft, path)
    draft.values.setdefault("DOCS_PATH", "docs")


def _check_folder(draft: Draft, path: str) -> None:
    try:
        there, pages = Path(path).exists(), _has_pages(Path(path))
    except (OSError, ValueError):
        there, pages = False, False
    if there and pages:
        return
    problem = "The folder holds no .md, .mdx or .txt file" if there else "There is no such folder"
    fix = "Set the path of the folder with the chapters, seen from where the service starts."
    if "DOCS_PATH" not in draft.sources:
        draft.add("DOCS_PATH", Kind.MISSING, f"{problem} (docs), so there is no book yet.", fix)
    else:
        draft.add("DOCS_PATH", Kind.WRONG, f"{problem}, so there is no book yet.", fix, Status.DOWN)


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir()) / "book-answers"
    except OSError:  # no folder of this machine takes files: the stores will say so themselves
        return Path("data")


def server(draft: Draft, writable: Writable) -> None:
    """A folder to write to, a port that is seen, a log format that fits the place."""
    wanted = draft.values["DATA_DIR"] if "DATA_DIR" in draft.sources else None
    places = ["/data", "data"] if draft.on_space else ["data"]
    chosen = next((p for p in [wanted, *places] if p and writable(Path(p))), None)
    if wanted and chosen != wanted:
        problem = "The folder cannot be written to; another one is used."
        fix = "Set a folder that the service's user (1000 on a Space) may write to."
        draft.add("DATA_DIR", Kind.WRONG, problem, fix, Status.DOWN)
    elif chosen is None:
        problem = "No folder can be written to; what is stored is lost when the machine restarts."
        fix = "Set a folder that the service's user may write to."
        draft.add("DATA_DIR", Kind.MISSING, problem, fix)
    draft.values["DATA_DIR"] = Path(chosen) if chosen else _temporary()
    if draft.on_space and draft.values["HOST"] in {"localhost", "127.0.0.1", "::1"}:
        problem = "It hides the server from the Space's proxy; 0.0.0.0 is used."
        draft.reject("HOST", problem, "Remove it.")
        draft.values["HOST"] = "0.0.0.0"
    draft.values.setdefault("LOG_FORMAT", "json" if draft.on_space else "console")
