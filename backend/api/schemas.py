"""What comes in, with its limits and the names under which fields are also taken."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from backend.domain import Question

MAX_QUERY = 4_000
MAX_SELECTION = 8_000
MAX_LIMIT = 100

_LANGUAGE = re.compile(r"[^\W\d_][\w -]{0,39}")
_PAGE_URL = re.compile(r"(https?://|/)[^\s\x00-\x1f\x7f]*", re.IGNORECASE)


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise PydanticCustomError("nul", "must not contain NUL characters")
    return text


def _language(text: str) -> str:
    if text and not _LANGUAGE.fullmatch(text):
        raise PydanticCustomError(
            "language", "must be a language's name or code, such as Urdu or ur"
        )
    return text


def _page_url(text: str) -> str:
    if text and not _PAGE_URL.fullmatch(text):
        raise PydanticCustomError("page_url", "must be an http(s) address or a path from /")
    return text


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 5.0 is as whole as 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


PLAIN: JsonDict = {"pattern": r"^[^\x00]*$"}
_ADDRESS: JsonDict = {"pattern": r"^((https?://|/)[^\s\x00-\x1f\x7f]*)?$"}
_NAME: JsonDict = {"pattern": r"^(\p{L}[\p{L}\p{M}\p{N}_ -]{0,39})?$"}
NO_NUL = AfterValidator(_no_nul)
LanguageName = Annotated[str, Field(json_schema_extra=_NAME), AfterValidator(_language)]
Level = Literal["", "beginner", "intermediate", "advanced", "pro"]


class Asked(BaseModel):
    """What a chat and a search have in common."""

    model_config = ConfigDict(strict=True, str_strip_whitespace=True)

    query: Annotated[str, Field(min_length=1, max_length=MAX_QUERY), NO_NUL] = Field(
        validation_alias=AliasChoices("query", "message", "question"),
        description="The question, 1 to 4,000 characters. Also read from `message` or `question`.",
        json_schema_extra={"pattern": r"^[^\x00]*[^\s\x00][^\x00]*$"},
    )
    selected_text: (
        Annotated[str, Field(max_length=MAX_SELECTION, json_schema_extra=PLAIN), NO_NUL] | None
    ) = Field(
        default=None,
        validation_alias=AliasChoices("selected_text", "selection", "highlighted_context"),
        description="Text the reader has selected, up to 8,000 characters: a second query beside "
        "the question. Also read from `selection` or `highlighted_context`.",
    )


class ChatRequest(Asked):
    """A question for the book."""

    session_id: Annotated[str, Field(max_length=255, json_schema_extra=PLAIN), NO_NUL] | None = (
        Field(
            default=None,
            validation_alias=AliasChoices("session_id", "conversation_id"),
            description="The conversation to go on with; unknown ones start a fresh one. "
            "Also read from `conversation_id`.",
        )
    )
    page_url: (
        Annotated[
            str,
            Field(max_length=2_048, json_schema_extra=_ADDRESS),
            AfterValidator(_page_url),
        ]
        | None
    ) = Field(default=None, description="The page the reader is on: its chapter is preferred.")
    language: LanguageName | None = Field(
        default=None, description="The language to answer in, by name or code."
    )
    level: Level | None = Field(default=None, description="How much the reader knows.")

    def question(self) -> Question:
        """The question as the services take it."""
        return Question(
            text=self.query,
            selected_text=self.selected_text or "",
            page_url=self.page_url or "",
            language=self.language or "",
            level=self.level or "",
            session_id=self.session_id or None,
        )


class SearchRequest(Asked):
    """A question whose passages are wanted, not an answer."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(_whole)] | None = Field(
        default=None,
        description="How many hits at most, 1 to 100; the configured number if absent.",
    )

    def question(self) -> Question:
        """The question as the services take it."""
        return Question(text=self.query, selected_text=self.selected_text or "")
