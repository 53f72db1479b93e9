"""Examples of the content tools, feedback and insights; as ``examples``."""

from __future__ import annotations

from typing import Any

from backend.api.examples import CHAT_ANSWER

_ENGLISH = "A `Node` is a process."
_URDU = "ایک `Node` ایک پراسیس ہے۔"
_SIMPLE = "A `Node` is a small program that is running."
_WHOLE: dict[str, Any] = {"failed": [], "degraded": None}
TRANSLATE: dict[str, Any] = {"text": _ENGLISH, "target_language": "Urdu"}
TRANSLATION = {"translation": _URDU, **_WHOLE}
TRANSLATE_BATCH: dict[str, Any] = {"texts": [_ENGLISH, ""], "target_language": "Urdu"}
TRANSLATIONS = {"translations": [_URDU, ""], **_WHOLE}
ADJUST: dict[str, Any] = {"text": _ENGLISH, "target_level": "beginner"}
CONTENT = {"content": _SIMPLE, **_WHOLE}
ADJUST_BATCH: dict[str, Any] = {"texts": [_ENGLISH, "It runs."], "target_level": "beginner"}
CONTENTS = {
    "contents": [_SIMPLE, "It runs."],
    "failed": [1],
    "degraded": "The model is away; try again in a moment.",
}
FEEDBACK: dict[str, Any] = {
    "message_id": CHAT_ANSWER["message_id"],
    "rating": "down",
    "comment": "The code is for ROS 1.",
}
_DAY = {
    "day": "2026-01-31",
    "questions": 120,
    "answered": 111,
    "refused": 9,
    "degraded": 2,
    "tokens": 140_250,
    "cost_usd": 0.0312,
    "p50_ms": 840.5,
    "p95_ms": 2410.0,
}
_GROUP = {
    "question": "How do I install ROS 2 on Windows?",
    "count": 4,
    "last_asked_at": "2026-01-31T08:15:30.250Z",
    "reasons": {"refused": 3, "thumbs_down": 1},
    "examples": ["install ros 2 windows"],
}
INSIGHTS: dict[str, Any] = {
    "generated_at": "2026-01-31T09:00:00.000Z",
    "since": "2026-01-02T00:00:00.000Z",
    "retention_days": 90,
    **{name: value for name, value in _DAY.items() if name not in ("day", "p50_ms", "p95_ms")},
    "days": [_DAY],
    "latency_ms": {"answers": 120, "p50": 840.5, "p90": 1902.1, "p95": 2410.0, "p99": 4120.9},
    "top_questions": [_GROUP],
    "gaps": [_GROUP],
    "feedback": {
        "up": 31,
        "down": 4,
        "comments": [
            {
                "message_id": CHAT_ANSWER["message_id"],
                "rating": "down",
                "comment": "The code is for ROS 1.",
                "question": "How do I publish a message?",
                "rated_at": "2026-01-31T08:20:00.000Z",
            }
        ],
    },
}
