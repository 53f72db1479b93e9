"""What is written to a collection at once, in the words of no engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PointData = tuple[str, dict[str, Any], dict[str, Any]]
"""Id, named vectors and payload; a dense vector is a tuple, a sparse one (indices, values)."""


@dataclass(frozen=True, slots=True)
class Step:
    """Changes that are applied in the order of the fields."""

    upsert: tuple[PointData, ...] = ()
    overwrite: tuple[tuple[str, dict[str, Any]], ...] = ()
    delete: tuple[str, ...] = ()
    delete_where: dict[str, Any] = field(default_factory=dict)
    """Payload fields with the values that points to delete have."""
