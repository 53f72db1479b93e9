"""The parser of the list of origins that browsers may call from. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from backend.variables.addresses import parse_http
from backend.variables.cleaning import is_local, looks_like_key
from backend.variables.findings import Kind, Note, Wrong


def _origin(text: str, position: int, notes: list[Note]) -> str | None:
    """One origin as browsers send it; None, with a note, where it is none."""

    def refuse(problem: str, fix: str) -> None:
        notes.append(Note(f"Entry {position}: {problem}", fix, Kind.WRONG))

    if text == "*":
        refuse(
            "* is refused: with sign-in browsers do not take it, and any site could call.",
            "List the addresses of your frontends.",
        )
        return None
    wildcard = re.fullmatch(r"(https?://)?\*\.(.+)", text, re.IGNORECASE)
    bare = f"{wildcard[1] or ''}{wildcard[2]}" if wildcard else text
    if "://" not in bare and re.match(r"localhost\b|[^:/]+\.[^:/]", bare):
        bare = f"{'http' if is_local(re.split('[:/]', bare)[0]) else 'https'}://{bare}"
        notes.append(
            Note(f"Entry {position} has no scheme; it was added.", "Write it as https://host.")
        )
    address = parse_http(bare)
    if address is None or looks_like_key(text):
        refuse(
            "it is not an origin.",
            "Write scheme and host, such as https://book.example or https://*.book.example.",
        )
        return None
    if wildcard and "." not in address.host:
        refuse(
            "the wildcard covers a whole top-level domain.",
            "Name the domain, such as https://*.book.example.",
        )
        return None
    if address.path or address.extras or text.endswith("/"):
        problem = f"Entry {position} has a path or a slash at its end, which origins never have."
        notes.append(Note(problem, "Remove everything after host and port."))
    default = {"http": 80, "https": 443}[address.scheme]
    port = f":{address.port}" if address.port not in (None, default) else ""
    return f"{address.scheme}://{'*.' if wildcard else ''}{address.host}{port}"


def origins(text: str, notes: list[Note]) -> tuple[str, ...]:
    """Origins from a list with commas, spaces or lines between, or from a JSON list."""
    entries: list[Any] = []
    if text.startswith("["):
        try:
            loaded = json.loads(text)
            entries = loaded if isinstance(loaded, list) else []
        except (ValueError, RecursionError):
            entries = text.strip("[]").split(",")
    else:
        entries = re.split(r"[,;\s]+", text)
    cleaned = [str(e).strip().strip("\"'") for e in entries]
    found = [_origin(e, i, notes) for i, e in enumerate(filter(None, cleaned), start=1)]
    good = tuple(dict.fromkeys(o for o in found if o))
    if not good:
        reason = (
            notes[-1]
            if notes
            else Note("It lists no origin.", "List the addresses of your frontends.")
        )
        raise Wrong(reason.problem, reason.fix)
    return good
