"""What comes in on the history routes, with its limits."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from backend.api.schemas import NO_NUL

MAX_TITLE = 255
MAX_OFFSET = 1_000_000
_TITLE = {"type": "string", "minLength": 1, "maxLength": MAX_TITLE, "pattern": r"^[^\x00]*$"}


class TitleBody(BaseModel):
    """A new title."""

    model_config = ConfigDict(strict=True, str_strip_whitespace=True)

    title: Annotated[str, Field(min_length=1, max_length=MAX_TITLE), NO_NUL]


class StartBody(BaseModel):
    """The title of a new conversation; without one, the first question makes it."""

    model_config = ConfigDict(strict=True, str_strip_whitespace=True)

    title: Annotated[str, Field(max_length=MAX_TITLE), NO_NUL] | None = None


def takes_title(*, required: bool) -> dict[str, Any]:
    """The declaration of a body that has a title."""
    title = _TITLE if required else {"anyOf": [{**_TITLE, "minLength": 0}, {"type": "null"}]}
    schema: dict[str, Any] = {"type": "object", "properties": {"title": title}}
    if required:
        schema["required"] = ["title"]
    content = {"application/json": {"schema": schema, "example": {"title": "Nodes and topics"}}}
    return {"requestBody": {"required": required, "content": content}}
