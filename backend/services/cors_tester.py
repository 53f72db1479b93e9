"""What a browser would be told when a page of some origin calls this service, and why. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_ORIGIN_CHARS = 300
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SHARED_SUFFIXES = ("hf.space", "vercel.app", "netlify.app", "github.io", "pages.dev", "web.app")
"""Domains whose every subdomain is a site of its own: cookies never reach from one to another."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the browser does.

    ``origin`` is as a browser would send it, empty where the text is none; ``entry`` is the entry
    of CORS_ALLOWED_ORIGINS that lets it in. ``headers`` are those of the answer. ``cookie`` tells
    whether a sign-in by cookie would come along.
    """

    origin: str
    allowed: bool
    entry: str
    why: str
    fix: str
    headers: tuple[tuple[str, str], ...]
    cookie: str


def judge(text: str, allowed: Sequence[str], *, own_host: str, https: bool) -> Verdict:
    """The verdict on an origin.

    Args:
        text: What somebody typed or pasted; an address of a page will do.
        allowed: CORS_ALLOWED_ORIGINS as the service reads it.
        own_host: This service's host name, for the verdict on cookies.
        https: Whether this service is reached by HTTPS.
    """
    origin, remark = origin_of(text)
    if not origin:
        return Verdict("", False, "", remark, "Paste the address of the page.", (), "")
    entry = next((each for each in allowed if _lets_in(each, origin)), "")
    cookie = _cookie(origin, own_host, https=https)
    if entry:
        headers = (
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
            ("Vary", "Origin"),
        )
        why = f"The entry {entry} of CORS_ALLOWED_ORIGINS lets it in."
        return Verdict(origin, True, entry, f"{remark}{why}", "", headers, cookie)
    why = "No entry of CORS_ALLOWED_ORIGINS lets it in, so the browser keeps the answer from it."
    fix = f"Add {origin} to CORS_ALLOWED_ORIGINS and restart.{_nearly(origin, allowed)}"
    return Verdict(origin, False, "", f"{remark}{why}", fix, (("Vary", "Origin"),), cookie)


def origin_of(text: str) -> tuple[str, str]:
    """The origin in what was typed, and a remark on what was changed; no origin: what is wrong."""
    text = text.strip()[: MAX_ORIGIN_CHARS + 1]
    if text.lower() == "null":
        return "", "A page from a file or a sandboxed frame sends null, which is never let in."
    if not text or len(text) > MAX_ORIGIN_CHARS:
        return "", "That is no address."
    typed = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(typed)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode() if parts.hostname else ""
    except (ValueError, UnicodeError):
        return "", "That is no address."
    if parts.scheme not in _DEFAULT_PORTS or not re.fullmatch(r"[a-z0-9.:-]+", host):
        return "", "An origin begins with http:// or https:// and has a host."
    shown = f"[{host}]" if ":" in host else host
    default = port in (None, _DEFAULT_PORTS[parts.scheme])
    origin = f"{parts.scheme}://{shown}{'' if default else f':{port}'}"
    return origin, "" if origin == text else f"A browser sends this as {origin}. "


def _lets_in(entry: str, origin: str) -> bool:
    if "*" not in entry:
        return entry == origin
    if entry.count("*") != 1 or "://*." not in entry:
        return False
    return re.fullmatch(re.escape(entry).replace(re.escape("*"), _LABEL), origin) is not None


def _nearly(origin: str, allowed: Sequence[str]) -> str:
    """What almost fits, for those who look in vain for the difference."""
    ours = urlsplit(origin)
    for entry in allowed:
        theirs = urlsplit(entry)
        if theirs.hostname == ours.hostname and theirs.scheme != ours.scheme:
            return f" {entry} is there, with the other scheme."
        if theirs.hostname == ours.hostname:
            return f" {entry} is there, with another port."
        domain = (theirs.hostname or "").removeprefix("*.")
        if "*" in entry and (ours.hostname or "").endswith(f".{domain}"):
            return f" {entry} takes one label only."
        if {f"www.{theirs.hostname}", theirs.hostname} == {f"www.{domain}", ours.hostname}:
            return f" {entry} is there, without its www."
    return ""


def _cookie(origin: str, own_host: str, *, https: bool) -> str:
    host = urlsplit(origin).hostname or ""
    if _site(host) == _site(own_host):
        return "Cookies come along: both are on the same site, if it asks with credentials."
    if not https:
        return (
            "Cookies do not come along: this service is reached by http, and another site's "
            "page gets cookies over https only. Use the bearer token."
        )
    return (
        "Cookies are another site's for that page, and most browsers block those. "
        "Use the bearer token, with credentials: 'omit'."
    )


def _site(host: str) -> str:
    """The part of a host name within which cookies are shared, near enough for an explanation."""
    host = host.lower().strip("[]")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    labels = host.split(".")
    kept = 3 if host.endswith(_SHARED_SUFFIXES) else 2
    if len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3:
        kept = 3  # such as .co.uk
    return ".".join(labels[-kept:])
