"""Answers as they are kept: whole, for a repetition of their request, and in parts, for history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import orjson

from backend.domain import Answer, Citation, Mode, Usage


def to_record(answer: Answer) -> bytes:
    """The answer as JSON, without its trace."""
    return orjson.dumps(replace(answer, trace=None))


def from_record(record: bytes) -> Answer:
    """The answer that :func:`to_record` wrote; fields that a later version added are left out."""
    fields = {
        name: value
        for name, value in orjson.loads(record).items()
        if name in Answer.__dataclass_fields__
    }
    fields["mode"] = Mode(fields["mode"])
    fields["usage"] = Usage(**fields["usage"])
    fields["citations"] = tuple(
        Citation(**(item | {"heading_path": tuple(item["heading_path"])}))
        for item in fields["citations"]
    )
    return Answer(**fields)


def source_names(citations: Iterable[Citation]) -> list[str]:
    """What stands below an answer for people: its marks with the headings they lead to."""
    return [f"[{c.n}] {' › '.join(c.heading_path) or c.title}" for c in citations]


def clean(text: str) -> str:
    """Text that every database takes: a model may emit NUL and half characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
