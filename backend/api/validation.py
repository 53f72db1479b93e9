"""Turns a validation error into one sentence: which field, which limit, what came."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backend.errors import Invalid

_SHOWN = 40
"""Characters of a caller's value that are shown back: enough to recognise it."""

_SENTENCES: Mapping[str, str] = {
    "missing": "{field} is missing.",
    "string_type": "{field} must be a string, and {came} came.",
    "string_too_long": "{field} may have at most {max_length} characters, and {length} came.",
    "string_too_short": "{field} must have at least {min_length} character(s), and {length} came.",
    "int_type": "{field} must be a whole number, and {came} came.",
    "int_parsing": "{field} must be a whole number, and {came} came.",
    "int_parsing_size": "{field} must be a smaller whole number; {came} came.",
    "int_from_float": "{field} must be a whole number, and {came} came.",
    "bool_type": "{field} must be true or false, and {came} came.",
    "bool_parsing": "{field} must be true or false, and {came} came.",
    "greater_than_equal": "{field} must be at least {ge}, and {came} came.",
    "less_than_equal": "{field} may be at most {le}, and {came} came.",
    "literal_error": "{field} must be {expected}, and {came} came.",
    "string_pattern_mismatch": "{field} is not in the form expected; {came} came.",
}
_NO_OBJECT = frozenset({"model_attributes_type", "model_type", "dict_type"})


def explain(errors: Sequence[Any], *, where: str | None = None) -> Invalid:
    """The 422 for the errors of pydantic: a sentence on the first, all of them for machines.

    ``where`` is the part of the request that was validated, unless each error says it first.
    """
    rows = [_row(error, [where] if where else []) for error in errors]
    detail = rows[0]["message"]
    if len(rows) > 1:
        detail += f" ({len(rows) - 1} more: see errors.)"
    return Invalid(detail, errors=rows)


def _row(error: Mapping[str, Any], before: Sequence[str]) -> dict[str, str]:
    where, *path = (*before, *(str(part) for part in error["loc"]))
    field = ".".join(path)[:_SHOWN] or where
    return {"field": field, "code": error["type"], "message": _sentence(error, field)}


def _sentence(error: Mapping[str, Any], field: str) -> str:
    kind, value, context = error["type"], error.get("input"), error.get("ctx", {})
    if field == "body" and (kind == "missing" or kind in _NO_OBJECT):
        came = "nothing" if kind == "missing" else _came(value)
        return f"The body must be a JSON object, and {came} came."
    template = _SENTENCES.get(kind)
    if template is None:
        message = error["msg"]  # our own begin with a verb, pydantic's are whole sentences
        return f"{_quoted(field)}{' ' if message.startswith('must') else ': '}{message}."
    length = len(value.strip()) if isinstance(value, str) else 0
    return template.format(field=_quoted(field), came=_came(value), length=length, **context)


def _quoted(field: str) -> str:
    return f"`{field}`" if field.isprintable() else "A field"


def _came(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"a string of {len(value)} characters"
    return json.dumps(value, default=lambda _: "something else")[:_SHOWN]
