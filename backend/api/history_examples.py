"""Examples of the history routes for the OpenAPI document; a test holds them to the schemas."""

from __future__ import annotations

from typing import Any

from backend.api.examples import CITATION

CONVERSATION: dict[str, Any] = {
    "id": "0b7e6f2c-6a55-4a39-9a0e-1d8c5b4f7a10",
    "user_id": "7c4a8d09-ca37-4e5b-9d1f-2a6b8c0e4f13",
    "title": "What is a node?",
    "created_at": "2026-01-31T08:15:30.250Z",
    "updated_at": "2026-01-31T08:15:32.250Z",
    "is_active": True,
    "message_count": 2,
}
PAGE = {"sessions": [CONVERSATION], "total": 1, "limit": 20, "offset": 0}
_QUESTION = {
    "id": "5d3c2b1a-0f9e-4d8c-b7a6-958473625140",
    "session_id": CONVERSATION["id"],
    "role": "user",
    "content": "What is a node?",
    "selected_text": None,
    "created_at": "2026-01-31T08:15:32.250Z",
    "sources": None,
    "citations": [],
    "status": "complete",
}
_ANSWER = {
    "id": "c2d1f0e9-3f44-4c1b-8d6b-7e5a9b8c7d6e",
    "session_id": CONVERSATION["id"],
    "role": "assistant",
    "content": "A node is a process that performs computation [1].",
    "selected_text": None,
    "created_at": "2026-01-31T08:15:32.250Z",
    "sources": ["[1] Nodes and Topics › What is a node?"],
    "citations": [CITATION],
    "status": "complete",
}
OPENED: dict[str, Any] = {"session": CONVERSATION, "messages": [_QUESTION, _ANSWER]}
EXPORT = {
    "session_id": CONVERSATION["id"],
    "format": "text",
    "filename": "chat-session-0b7e6f2c.txt",
    "content": "What is a node?\n\nYou (2026-01-31 08:15 UTC):\n  What is a node?\n",
}
DELETED = {"message": "The conversation is deleted.", "deleted": 1}
CLEARED = {"message": "Your history is empty now: 3 conversations are deleted.", "deleted": 3}
