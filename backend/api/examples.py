"""Examples for the OpenAPI document; a test holds them to the schemas."""

from __future__ import annotations

from typing import Any

from backend.api.sse import event, token_event

REQUEST_ID = "5f0c8a1e7b7d4d0f9a3f2c61d3a4b5c6"

CITATION = {
    "n": 1,
    "title": "Nodes and Topics",
    "heading_path": ["Nodes and Topics", "What is a node?"],
    "url": "https://book.example/docs/ros2/nodes#what-is-a-node",
    "source": "ros2/nodes.md",
    "quote": "A node is a process that performs computation.",
    "score": 0.92,
}
CHAT_REQUEST = {
    "query": "What is a node?",
    "selected_text": "",
    "session_id": None,
    "page_url": "https://book.example/docs/ros2/nodes",
    "language": "en",
    "level": "beginner",
}
CHAT_ANSWER: dict[str, Any] = {
    "response": "A node is a process that performs computation [1].",
    "answer": "A node is a process that performs computation [1].",
    "session_id": "0b7e6f2c-6a55-4a39-9a0e-1d8c5b4f7a10",
    "message_id": "c2d1f0e9-3f44-4c1b-8d6b-7e5a9b8c7d6e",
    "mode": "generated",
    "sources": [CITATION],
    "citations": [CITATION],
    "degraded": None,
    "saved": False,
    "usage": {
        "prompt_tokens": 1184,
        "completion_tokens": 14,
        "total_tokens": 1198,
        "cost_usd": 0.000186,
    },
    "timings_ms": {"search": 4.1, "model": 812.0, "total": 819.6},
}
CHAT_STREAM = b"".join(
    [
        event("sources", [CITATION]),
        token_event("A node is a process "),
        token_event("that performs computation [1]."),
        event("done", CHAT_ANSWER),
    ]
).decode()
SEARCH_REQUEST = {"query": "What is a node?", "selected_text": "", "limit": 5}
SEARCH_ANSWER = {
    "results": [
        {
            "id": "6f9b3c1e-1a2b-5c3d-8e4f-9a0b1c2d3e4f",
            "text": "A node is a process that performs computation.",
            "source": CITATION["source"],
            "title": CITATION["title"],
            "heading_path": CITATION["heading_path"],
            "url": CITATION["url"],
            "score": 0.92,
            "dense_score": 0.71,
            "sparse_score": 12.4,
        }
    ],
    "confidence": 0.87,
    "degraded": None,
}
JOB = {
    "job_id": "d1c0b9a8-7f6e-4d5c-8b3a-2f1e0d9c8b7a",
    "state": "done",
    "documents": 13,
    "documents_total": 13,
    "chunks": 412,
    "embedded": 9,
    "skipped": 403,
    "deleted": 2,
    "errors": [{"path": "drafts/old.md", "reason": "The file is not UTF-8."}],
    "elapsed_s": 1.8,
}
JOB_STREAM = b"".join(
    [event("progress", {**JOB, "state": "running", "documents": 6}), event("done", JOB)]
).decode()
DOCUMENT_LIST = {
    "documents": [
        {
            "id": "3a8c1d5e-9f2b-5e7a-8c4d-1b6f0e2a3c4d",
            "source": CITATION["source"],
            "title": CITATION["title"],
            "page": "ros2/nodes",
            "chunks": 31,
            "content_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "updated_at": "2026-01-31T08:15:30.000Z",
        }
    ],
    "total": 1,
}
DOCUMENT_DELETED = {"id": DOCUMENT_LIST["documents"][0]["id"], "deleted": 31}  # type: ignore[index]
SERVICE_INFO = {
    "status": "online",
    "service": "Book Answers",
    "version": "0.1.0",
    "docs": "/docs",
    "ui": "/admin/",
}
READINESS = {
    "status": "degraded",
    "checks": [
        {"name": "qdrant", "status": "ok", "mode": "embedded", "latency_ms": 0.4, "detail": None},
        {
            "name": "openai",
            "status": "off",
            "mode": "extractive",
            "latency_ms": None,
            "detail": "OPENAI_API_KEY is not set; answers quote the book.",
        },
    ],
}
NOT_READY = {
    "status": "down",
    "checks": [
        {
            "name": "startup",
            "status": "down",
            "mode": None,
            "latency_ms": None,
            "detail": "The service is starting.",
        }
    ],
}
CIRCUITS = {
    "openai": {
        "state": "open",
        "failure_count": 5,
        "failure_threshold": 5,
        "retry_after_s": 21.4,
        "last_failure_at": "2026-01-31T08:15:30.000Z",
        "last_error_kind": "upstream_timeout",
    }
}
DOCUMENTS_STORED = {
    "documents": ["uploads/guides/calibration.md"],
    "skipped": ["guides/figure.png"],
    "job_id": JOB["job_id"],
}
CONFIG_REPORT = {
    "status": "degraded",
    "generated_at": "2026-01-31T08:15:30.000Z",
    "variables": [
        {
            "name": "OPENAI_API_KEY",
            "status": "off",
            "required": False,
            "secret": True,
            "source": None,
            "used_for": "chat and embeddings",
            "problem": "Not set. Answers are extractive.",
            "fix": "Set it in the Space's secrets.",
            "docs": "https://platform.openai.com/api-keys",
            "state": "missing",
        }
    ],
    "upstreams": [
        {
            "name": "qdrant",
            "status": "ok",
            "mode": "embedded",
            "target": None,
            "latency_ms": 0.4,
            "problem": None,
            "fix": None,
            "title": "Vectors",
            "sentence": "Qdrant Edge in DATA_DIR (embedded)",
            "steps": [],
        }
    ],
}


def body(example: dict[str, Any]) -> dict[str, Any]:
    """The part of an operation that gives its request body an example."""
    return {"requestBody": {"content": {"application/json": {"example": example}}}}
