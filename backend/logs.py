"""Logging: one event is one line, with the request's id, and never with a secret.

JSON lines on a Space, readable lines on a terminal. The formatter is the one place where text
leaves, so that is where secrets are masked and control characters escaped: whatever a library or a
caller puts into a message, its arguments, its extra fields or an exception. The text of questions
is logged at DEBUG only; that is the callers' duty.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, TextIO
from urllib.parse import quote, quote_plus, unquote

import orjson
from pydantic import SecretStr

from backend.settings import Settings

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being served; set by the middleware, empty outside of one."""

_OURS = ("backend", "ui", "app")
# Loggers with handlers or levels of their own; everything else is quiet below WARNING by the root.
_THEIRS = {
    "uvicorn": logging.INFO,
    "uvicorn.error": logging.INFO,
    "uvicorn.access": logging.WARNING,
}
_THEIRS |= {"gradio": logging.WARNING, "asyncio": logging.WARNING}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "plain",
    "color_message",
}
_LONGEST = 16_384
_SHORT, _REMEMBERED = 40, 512
"""Events, routes and modes come again and again: what became of such a text is remembered."""
_SHORTEST_SECRET = 6
_MASK = "***"
_PATTERNS = (
    (re.compile(r"(?i)\b((?:proxy-)?authorization|x-admin-token|api[-_]?key|(?:set-)?cookie)"
                r"(['\"]?\s*[:=]\s*['\"]?)(?:(?:bearer|basic|token)\s+)?[^\s'\",;]+"), r"\1\2***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"(://[^\s:/@]{0,256}:)[^\s@]{1,512}@"), r"\1***@"),
    (re.compile(r"(?i)\b(password|passwd|pwd|secret|token)=[^\s&;,'\"]+"), r"\1=***"),
    (re.compile(r"\b(?:sk-|gsk_|napi_|hf_|AIza)[\w-]{12,}"), _MASK),
)  # fmt: skip
_SECRET_NAME = re.compile(r"(?i)password|secret|authorization|cookie|api_?key|(?:^|_)token$")
_CONTROLS = [*range(32), *range(127, 160), 0x2028, 0x2029, 0xFEFF]
_CONTROLS += [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_ESCAPES = {code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" for code in _CONTROLS}
_ESCAPES |= {10: "\\n", 13: "\\r", 9: "\\t"}


class Redactor:
    """Replaces secrets in text: the configured values themselves, and what looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        texts = {form for secret in secrets for form in _forms(secret)}
        longest_first = sorted(
            (t for t in texts if len(t) >= _SHORTEST_SECRET), key=len, reverse=True
        )
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        self._short = lru_cache(maxsize=_REMEMBERED)(self._masked)
        self._secret_name = lru_cache(maxsize=_REMEMBERED)(_SECRET_NAME.search)

    def text(self, text: str) -> str:
        """The text without secrets; shortened to a sane length after that, lest a cut hides one."""
        return self._short(text) if len(text) <= _SHORT else self._masked(text)

    def _masked(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(_MASK, text)
        for pattern, mask in _PATTERNS:
            text = pattern.sub(mask, text)
        if len(text) > _LONGEST:
            half = _LONGEST // 2
            text = f"{text[:half]} [...] {text[-half:]}"
        return text

    def value(self, value: Any, depth: int = 4) -> Any:
        """A value for JSON: containers are walked, everything unknown becomes text."""
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        if isinstance(value, Mapping) and depth:
            return {self.text(str(k)): self.field(str(k), v, depth - 1) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset) and depth:
            return [self.value(item, depth - 1) for item in value]
        return self.text(str(value))

    def field(self, key: str, value: Any, depth: int = 4) -> Any:
        """A named value; one whose name says that it is secret is masked unseen."""
        return _MASK if self._secret_name(key) else self.value(value, depth)


def _forms(secret: str) -> set[str]:
    """A secret as it may turn up: plain, percent-encoded, in JSON, in a Python literal."""
    plain = {secret, secret.strip()}
    password = re.search(r"://[^:/@]*:(.+)@", secret)
    if password:
        plain |= {password[1], unquote(password[1], errors="replace")}
    encoded = {f(t, safe="", errors="surrogateescape") for t in plain for f in (quote, quote_plus)}
    return plain | encoded | {json.dumps(t)[1:-1] for t in plain} | {repr(t)[1:-1] for t in plain}


def escaped(text: str) -> str:
    """The text on one line: control characters and direction marks as visible escapes."""
    if text.isprintable():
        return text
    return text.translate(_ESCAPES).encode("utf-8", "backslashreplace").decode()


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    """A second of the epoch as ISO 8601 in UTC, without a zone."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


class _Formatter(logging.Formatter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redact = redactor

    def _message(self, record: logging.LogRecord) -> str:
        try:
            return self._redact.text(record.getMessage())
        except Exception:  # noqa: BLE001 - an argument's own __str__ may raise anything
            return self._redact.text(f"{record.msg} (its arguments cannot be shown)")

    def _extra(self, record: logging.LogRecord) -> dict[str, Any]:
        extra = {k: self._redact.field(k, v) for k, v in vars(record).items() if k not in _STANDARD}
        current = request_id.get()
        return {"request_id": current, **extra} if current else extra

    @staticmethod
    def _time(record: logging.LogRecord) -> str:
        seconds = int(record.created)
        return f"{_second(seconds)}.{int((record.created - seconds) * 1000):03d}Z"


class JsonFormatter(_Formatter):
    """One JSON object a line: time, level, logger, event, request_id, extra fields, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. ASCII, so that no terminal, pipe or lone surrogate can break it."""
        fields = {
            "time": self._time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": self._message(record),
            **self._extra(record),
        }
        if record.exc_info and record.exc_info[0]:
            lines = traceback.format_exception(*record.exc_info)
            fields["exception"] = self._redact.text("".join(lines))
        try:
            line = orjson.dumps(fields, default=str)
        except orjson.JSONEncodeError:  # a lone surrogate, or a number beyond 64 bits
            return json.dumps(fields, default=str)
        return line.decode() if line.isascii() else json.dumps(fields, default=str)


class ConsoleFormatter(_Formatter):
    """A line for people: time, level, logger, message, ``key=value``, and where an error arose."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; a record with ``plain`` is the message alone."""
        message = escaped(self._message(record))
        if getattr(record, "plain", False):
            return message
        name = record.name.removeprefix("backend.")
        parts = [f"{self._time(record)[11:-1]} {record.levelname:<8} {name}: {message}"]
        parts += [escaped(f"{key}={value}") for key, value in self._extra(record).items()]
        if record.exc_info and record.exc_info[0]:
            parts.append(f"[{escaped(self._redact.text(_chain(record.exc_info[1])))}]")
        return " ".join(parts)


def _chain(error: BaseException | None) -> str:
    """An exception with its causes and the frames that it came through, the innermost first."""
    told, seen = [], set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = reversed(traceback.extract_tb(error.__traceback__, limit=-4))
        places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        try:
            text = str(error)
        except Exception:  # noqa: BLE001 - an exception's own __str__ may raise anything
            text = "(cannot be shown)"
        told.append(f"{type(error).__name__}: {text}{f' at {places}' if places else ''}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return ", after ".join(told)


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that a second ``configure`` finds and replaces it."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Do nothing: logging's own way would print the message and its arguments unmasked."""


def configure(
    settings: Settings, *, secrets: Iterable[SecretStr] = (), stream: TextIO | None = None
) -> None:
    """Set up logging for the process; calling it again replaces the earlier set-up.

    ``secrets`` are further texts to mask, such as ``Loaded.secrets``; those of ``settings`` always
    are. ``stream`` is standard error unless given. Start uvicorn with ``log_config=None``.
    """
    held = [v for v in dict(settings).values() if isinstance(v, SecretStr)]
    redactor = Redactor(secret.get_secret_value() for secret in (*held, *secrets))
    handler = _Handler(stream or sys.stderr)
    as_json = settings.log_format == "json"
    handler.setFormatter(JsonFormatter(redactor) if as_json else ConsoleFormatter(redactor))
    root, level = logging.getLogger(), logging.getLevelNamesMapping()[settings.log_level]
    for old in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    for name, lowest in _THEIRS.items():
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(level, lowest))
    logging.captureWarnings(True)
    # asked of the system for every record, and shown in none
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("app").critical("uncaught error", exc_info=(kind, error, trace))


def _uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    error = arguments.exc_value
    if error is not None and not isinstance(error, SystemExit):
        info = (type(error), error, arguments.exc_traceback)
        logging.getLogger("app").critical("uncaught error in a thread", exc_info=info)


def banner(text: str, *, level: int = logging.INFO) -> None:
    """Log a report line by line: as it stands on a terminal, an event a line in JSON."""
    logger = logging.getLogger("app.report")
    for line in text.splitlines():
        logger.log(level, "%s", line, extra={"plain": True})
