"""What the content tools and feedback take, with limits and the names also taken."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from backend.api.schemas import NO_NUL, PLAIN, LanguageName

MAX_TEXT = 8_000
MAX_TEXTS = 50
MAX_COMMENT = 2_000
DEFAULT_LANGUAGE = "Urdu"

_Text = Annotated[str, Field(max_length=MAX_TEXT, json_schema_extra=PLAIN), NO_NUL]
_Comment = Annotated[str, Field(max_length=MAX_COMMENT, json_schema_extra=PLAIN), NO_NUL]
_MessageId = Annotated[str, Field(min_length=1, max_length=100, json_schema_extra=PLAIN), NO_NUL]
_Level = Literal["beginner", "intermediate", "advanced", "pro"]


class _One(BaseModel):
    model_config = ConfigDict(strict=True)

    text: _Text = Field(
        validation_alias=AliasChoices("text", "content"),
        description="Plain text, Markdown or HTML, up to 8,000 characters. "
        "Also read from `content`.",
    )


class _Many(BaseModel):
    model_config = ConfigDict(strict=True)

    texts: Annotated[list[_Text], Field(max_length=MAX_TEXTS)] = Field(
        validation_alias=AliasChoices("texts", "contents"),
        description="Up to 50 texts of up to 8,000 characters. Also read from `contents`.",
    )


class _Translated(BaseModel):
    target_language: LanguageName | None = Field(
        default=None,
        validation_alias=AliasChoices("target_language", "language"),
        description="The language to translate into, by name or code; Urdu if absent. "
        "Also read from `language`.",
    )

    @property
    def language(self) -> str:
        """The language asked for, or the default."""
        return self.target_language or DEFAULT_LANGUAGE


class _Adjusted(BaseModel):
    target_level: _Level = Field(
        validation_alias=AliasChoices("target_level", "level"),
        description="`advanced` and `pro` return the text as it is. Also read from `level`.",
    )


class TranslateRequest(_One, _Translated):
    """A text to be translated."""


class TranslateBatchRequest(_Many, _Translated):
    """Texts to be translated."""


class AdjustRequest(_One, _Adjusted):
    """A text to be put on a level."""


class AdjustBatchRequest(_Many, _Adjusted):
    """Texts to be put on a level."""


class FeedbackRequest(BaseModel):
    """What a reader thinks of an answer."""

    model_config = ConfigDict(strict=True)

    message_id: _MessageId = Field(description="The `message_id` that came with the answer.")
    rating: Literal["up", "down"]
    comment: _Comment | None = Field(
        default=None, description="In the reader's words, up to 2,000 characters."
    )
