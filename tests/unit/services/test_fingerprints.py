"""Marks of secrets: equal for equal ones, and of no use to whoever wants the secret."""

from __future__ import annotations

import re

from backend.services.fingerprints import fingerprints
from backend.settings import load

KEY = "test-key-not-real-0123456789"


def marks(**environ: str) -> dict[str, str]:
    return fingerprints(load(environ).settings)


def test_equal_secrets_have_equal_marks_whatever_name_they_came_by() -> None:
    one, two = marks(ADMIN_TOKEN=KEY), marks(ADMIN_PASSWORD=f" {KEY}\n", PORT="9000")

    assert one == two
    assert re.fullmatch(r"[0-9a-f]{3} [0-9a-f]{3}", one["ADMIN_TOKEN"])


def test_another_secret_or_another_variable_has_another_mark() -> None:
    one = marks(ADMIN_TOKEN=KEY, DATA_ENCRYPTION_KEY=KEY)

    assert len({*one.values(), *marks(ADMIN_TOKEN=KEY + "x").values()}) == 3


def test_only_secrets_that_are_set_have_one() -> None:
    assert marks() == {}
    assert set(marks(QDRANT_URL="https://q.example", QDRANT_API_KEY=KEY)) == {"QDRANT_API_KEY"}


def test_what_could_be_guessed_has_none() -> None:
    assert marks(ADMIN_TOKEN="hunter2") == {"ADMIN_TOKEN": "too short"}
