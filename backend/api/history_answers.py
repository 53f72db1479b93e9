"""What the history routes send, for the OpenAPI document; a test holds the answers to it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from backend.api.answers import CitationOut


class ConversationOut(BaseModel):
    """A conversation."""

    id: str
    user_id: str
    title: str
    created_at: str
    updated_at: str
    is_active: bool = Field(description="A widget may go on with it.")
    message_count: int


class ConversationPage(BaseModel):
    """Conversations, those used last first; `total` counts them all."""

    sessions: list[ConversationOut]
    total: int
    limit: int
    offset: int


class MessageOut(BaseModel):
    """A message; `sources` are for people, `citations` the objects of the answer."""

    id: str
    session_id: str
    role: Literal["user", "assistant", "system"]
    content: str
    selected_text: str | None
    created_at: str
    sources: list[str] | None
    citations: list[CitationOut]
    status: str = Field(description="`complete`, or `truncated` where an answer broke off.")


class ConversationOpened(BaseModel):
    """A conversation with its messages, oldest first."""

    session: ConversationOut
    messages: list[MessageOut]


class ConversationExport(BaseModel):
    """A conversation to take along."""

    session_id: str
    format: Literal["text", "json", "markdown"]
    filename: str
    content: str | dict[str, Any] = Field(description="Text, or for the format `json` an object.")


class Deleted(BaseModel):
    """What has gone."""

    message: str
    deleted: int = Field(description="How many conversations.")
