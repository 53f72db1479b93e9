from __future__ import annotations

import inspect
import sqlite3
from typing import Any

import pytest
from sqlalchemy import exc

from backend.adapters.sql import errors
from backend.errors import (
    AppError,
    Conflict,
    StorageReadOnly,
    UpstreamError,
    UpstreamRefused,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

SECRET = "postgresql://user:password-not-real@host/db"


class DriverError(Exception):
    def __init__(self, text: str = SECRET, pgcode: str | None = None) -> None:
        super().__init__(text)
        self.pgcode = pgcode


def raised(kind: type[exc.DBAPIError], **more: Any) -> exc.DBAPIError:
    return kind("SELECT 1", {}, DriverError(**more))


def _error_classes() -> list[type[BaseException]]:
    return [
        kind
        for _, kind in inspect.getmembers(exc, inspect.isclass)
        if issubclass(kind, exc.SQLAlchemyError) and kind is not exc.SQLAlchemyError
    ]


@pytest.mark.parametrize("kind", _error_classes())
def test_every_class_of_sqlalchemy_has_an_entry(kind: type[BaseException]) -> None:
    assert any(base in errors.TABLE for base in kind.__mro__), kind


@pytest.mark.parametrize("kind", [k for k in _error_classes() if issubclass(k, exc.DBAPIError)])
def test_no_sentence_repeats_the_driver(kind: type[exc.DBAPIError]) -> None:
    ours = errors.translate(raised(kind))
    assert ours is not None
    assert "password-not-real" not in ours.detail
    assert kind.__name__ not in ours.detail


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (raised(exc.OperationalError, text="Connection refused"), UpstreamRefused),
        (raised(exc.OperationalError, text="could not translate host name"), UpstreamRefused),
        (raised(exc.OperationalError, text="timeout expired"), UpstreamTimeout),
        (
            raised(exc.OperationalError, text="FATAL: password authentication failed"),
            UpstreamRejected,
        ),
        (raised(exc.OperationalError, text='database "x" does not exist'), UpstreamRejected),
        (raised(exc.OperationalError, text="server closed the connection"), UpstreamUnavailable),
        (raised(exc.OperationalError, text="database is locked"), UpstreamTimeout),
        (raised(exc.OperationalError, pgcode="57P01"), UpstreamUnavailable),
        (raised(exc.OperationalError, pgcode="55P03"), UpstreamTimeout),
        (raised(exc.OperationalError, pgcode="40P01"), UpstreamUnavailable),
        (raised(exc.ProgrammingError, pgcode="42501"), UpstreamRejected),
        (raised(exc.IntegrityError, pgcode="23505"), Conflict),
        (exc.TimeoutError("pool"), UpstreamTimeout),
    ],
)
def test_translate_tells_outages_from_refusals(
    error: exc.SQLAlchemyError, ours: type[AppError]
) -> None:
    translated = errors.translate(error)
    assert type(translated) is ours
    if isinstance(translated, UpstreamError):
        assert translated.upstream == "database"


def test_faults_of_the_program_are_left_as_they_are() -> None:
    with pytest.raises(exc.ArgumentError), errors.translated():
        raise exc.ArgumentError("a mistake")


def test_sqlite_errors_are_known_by_their_text() -> None:
    error = exc.OperationalError("x", {}, sqlite3.OperationalError("database or disk is full"))
    assert isinstance(errors.translate(error), StorageReadOnly)
