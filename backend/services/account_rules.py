"""What an account may hold: pure checks that raise errors with Better Auth's codes."""

from __future__ import annotations

import re

from backend.account_ports import DEFAULT_LEVEL, LEVELS, PROFILE_FIELDS
from backend.crypto import normal_email
from backend.errors import BadRequest
from backend.passwords import MAX_CHARS, MIN_CHARS

MAX_EMAIL_CHARS = 254
MAX_NAME_CHARS = 255
MAX_PROFILE_CHARS = 8_000
MAX_IMAGE_CHARS = 8_000
MAX_USER_AGENT_CHARS = 512

# the pattern of zod 4, which the genuine server and its clients check with
_EMAIL = re.compile(
    r"(?!\.)(?!.*\.\.)[a-z0-9_'+\-.]*[a-z0-9_+\-]@(?:[a-z0-9][a-z0-9\-]*\.)+[a-z]{2,}"
)


def is_email(text: str) -> bool:
    """Whether the text, in its normal form, is an address that an account may be made for."""
    email = normal_email(text)
    return len(email) <= MAX_EMAIL_CHARS and _EMAIL.fullmatch(email) is not None


def check_new_password(password: str) -> None:
    """Raises BadRequest for a password that is too short or too long."""
    if len(password) < MIN_CHARS:
        raise BadRequest("Password too short", code="PASSWORD_TOO_SHORT")
    if len(password) > MAX_CHARS:
        raise BadRequest("Password too long", code="PASSWORD_TOO_LONG")


def level(value: str | None) -> str:
    """One of the four levels; nothing means the default. Raises BadRequest."""
    if not value:
        return DEFAULT_LEVEL
    if value not in LEVELS:
        raise invalid("proficiency", f"must be one of {', '.join(LEVELS)}")
    return value


def display_name(name: str | None, email: str) -> str:
    """The name, or what stands before the @ where none was given. Raises BadRequest."""
    text = (name or "").strip()
    check_length("name", text, MAX_NAME_CHARS)
    return text or normal_email(email).partition("@")[0]


def check_changes(changes: dict[str, str | None]) -> dict[str, str | None]:
    """Checked changes of name, image, proficiency and profile. Raises BadRequest."""
    checked = dict(changes)
    if "name" in checked:
        name = (checked["name"] or "").strip()
        if not name:
            raise invalid("name", "must not be empty")
        check_length("name", name, MAX_NAME_CHARS)
        checked["name"] = name
    if "proficiency" in checked:
        checked["proficiency"] = level(checked["proficiency"])
    check_length("image", checked.get("image"), MAX_IMAGE_CHARS)
    for field in PROFILE_FIELDS:
        check_length(field, checked.get(field), MAX_PROFILE_CHARS)
    return checked


def check_length(field: str, text: str | None, limit: int) -> None:
    """Raises BadRequest that names field, limit and length."""
    if text is not None and len(text) > limit:
        raise invalid(field, f"is limited to {limit} characters, got {len(text)}")


def invalid(field: str, problem: str) -> BadRequest:
    """The error for a field of the body."""
    return BadRequest(f"[body.{field}] {problem}", code="VALIDATION_ERROR")


def picture(image: str | None) -> str | None:
    """The address of a picture; nothing is None. Raises BadRequest."""
    check_length("image", image, MAX_IMAGE_CHARS)
    return image or None
