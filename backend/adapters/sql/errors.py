"""SQLAlchemy's and the drivers' errors, translated by a table into our own tree.

What the driver wrote stays out of every sentence: it may hold an address, a row or a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from backend.errors import (
    AppError,
    Conflict,
    Invalid,
    StorageReadOnly,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

UPSTREAM = "database"

_AWAY = "The database broke the connection; try again in a moment."
_SILENT = "Nobody answers at the database's address; check NEON_API_KEY, or that its port is open."
_SLOW = "The database did not answer in time; try again in a moment."
_REJECTED = (
    "The database refuses the connection or the statement; "
    "check the user, password and database name in NEON_API_KEY."
)
BUSY = "Every database connection is busy; try again in a moment."
_BUSY_S = 1.0
_TAKEN = "This is stored already, or belongs to something that has gone."
_UNFIT = "A value does not fit its column in the database; make it shorter or simpler."

Make = type[AppError] | None
"""None: a fault of this program, which is left as it is for the log."""

TABLE: dict[type[BaseException], tuple[Make, str]] = {
    exc.TimeoutError: (
        UpstreamTimeout,
        BUSY,
    ),
    exc.DisconnectionError: (UpstreamUnavailable, _AWAY),
    exc.InterfaceError: (UpstreamUnavailable, _AWAY),
    exc.OperationalError: (UpstreamUnavailable, _AWAY),
    exc.InternalError: (UpstreamUnavailable, _AWAY),
    exc.PendingRollbackError: (UpstreamUnavailable, _AWAY),
    exc.NotSupportedError: (UpstreamRejected, _REJECTED),
    exc.ProgrammingError: (UpstreamRejected, _REJECTED),
    exc.IntegrityError: (Conflict, _TAKEN),
    exc.DataError: (Invalid, _UNFIT),
    exc.DatabaseError: (UpstreamUnavailable, _AWAY),
    exc.DBAPIError: (UpstreamUnavailable, _AWAY),
    exc.StatementError: (None, ""),
    exc.ArgumentError: (None, ""),
    exc.CompileError: (None, ""),
    exc.CircularDependencyError: (None, ""),
    exc.IdentifierError: (None, ""),
    exc.InvalidRequestError: (None, ""),
}
"""An error is looked up along its base classes, so a subclass may share the entry of its base."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html, by class or whole code
_BY_SQLSTATE: dict[str, tuple[type[UpstreamError], str]] = {
    "08": (UpstreamUnavailable, _AWAY),
    "25006": (StorageReadOnly, "The database is read-only at the moment; try again later."),
    "28": (UpstreamRejected, _REJECTED),
    "3D": (UpstreamRejected, _REJECTED),
    "40": (UpstreamUnavailable, "Two changes met in the database; try again."),
    "42": (UpstreamRejected, _REJECTED),
    "53300": (UpstreamRateLimited, BUSY),
    "53100": (StorageReadOnly, "The database has no room left; make room or enlarge it."),
    "53": (UpstreamUnavailable, "The database has no room or connection left; try again later."),
    "55P03": (UpstreamTimeout, _SLOW),
    "57014": (UpstreamTimeout, _SLOW),
    "57P": (UpstreamUnavailable, "The database is restarting; try again in a moment."),
}

# libpq reports a failed connection as text only
_BY_TEXT: tuple[tuple[str, type[UpstreamError], str], ...] = (
    ("connection refused", UpstreamRefused, _SILENT),
    ("could not translate host name", UpstreamRefused, _SILENT),
    ("no route to host", UpstreamRefused, _SILENT),
    ("network is unreachable", UpstreamRefused, _SILENT),
    ("timeout expired", UpstreamTimeout, _SLOW),
    ("authentication failed", UpstreamRejected, _REJECTED),
    ("does not exist", UpstreamRejected, _REJECTED),
    ("no pg_hba.conf entry", UpstreamRejected, _REJECTED),
    ("too many clients", UpstreamRateLimited, BUSY),
    ("remaining connection slots", UpstreamRateLimited, BUSY),
    ("no more connections allowed", UpstreamRateLimited, BUSY),  # PgBouncer
    ("query_wait_timeout", UpstreamRateLimited, BUSY),  # PgBouncer
    ("starting up", UpstreamUnavailable, "The database is starting; try again in a moment."),
    ("database is locked", UpstreamTimeout, _SLOW),
    ("unable to open database file", UpstreamRejected, "The file in DATA_DIR cannot be opened."),
    ("readonly database", StorageReadOnly, "The file in DATA_DIR cannot be written."),
    ("disk is full", StorageReadOnly, "The disk that holds DATA_DIR is full."),
)


def translate(error: exc.SQLAlchemyError) -> AppError | None:
    """Our error for SQLAlchemy's, or None for one that only a fault of this program can cause."""
    if isinstance(error, exc.DBAPIError):
        sharper = _from_driver(error)
        if sharper is not None:
            return sharper
    make, sentence = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    if make is None:
        return None
    return make(UPSTREAM, sentence) if issubclass(make, UpstreamError) else make(sentence)


@contextmanager
def translated() -> Iterator[None]:
    """Raise our errors in place of SQLAlchemy's."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        ours = translate(error)
        if ours is None:
            raise
        raise ours from error


def busy() -> UpstreamRateLimited:
    """All connections are taken: no outage, so it is waited for and trips no circuit."""
    code = UpstreamUnavailable.code
    return UpstreamRateLimited(UPSTREAM, BUSY, code=code, retry_after_s=_BUSY_S)


def violates(error: exc.IntegrityError, *names: str) -> bool:
    """Whether a broken constraint or its columns are among ``names``."""
    text = str(error.orig)
    return any(name in text for name in names)


def _from_driver(error: exc.DBAPIError) -> UpstreamError | None:
    if isinstance(error, exc.IntegrityError | exc.DataError):
        return None
    state = getattr(error.orig, "pgcode", None)
    if state:
        for prefix in (state, state[:3], state[:2]):
            if prefix in _BY_SQLSTATE:
                return _made(*_BY_SQLSTATE[prefix])
        return None
    text = str(error.orig).lower()
    for part, make, sentence in _BY_TEXT:
        if part in text:
            return _made(make, sentence)
    return None


def _made(make: type[UpstreamError], sentence: str) -> UpstreamError:
    if make is UpstreamRateLimited:
        return busy()
    return make(UPSTREAM, sentence)
