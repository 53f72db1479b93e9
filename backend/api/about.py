"""What the service says of itself."""

from __future__ import annotations

SERVICE = "Book Answers"
VERSION = "0.1.0"
DESCRIPTION = """\
Answers questions about a book or a documentation site from its own text, with citations.

Errors are always `{"detail", "code", "request_id"}`: `detail` is one sentence for people, `code`
is stable for programs, `request_id` is also in the `X-Request-ID` header and in the log. A 429 or
503 says in `Retry-After` when to come back. All times are UTC, `YYYY-MM-DDTHH:MM:SS.mmmZ`.
"""
