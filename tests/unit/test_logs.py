"""What reaches the log: one line an event, with the request's id, without secrets."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from backend import logs
from backend.settings import Loaded, load
from backend.variables import VARIABLES

FORMATS = pytest.mark.parametrize("form", ["json", "console"])
LOG = logging.getLogger("backend.test")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave logging as it was."""
    names = ["", "backend", "ui", "app", *logs._THEIRS]
    before = {n: (logging.getLogger(n).level, list(logging.getLogger(n).handlers)) for n in names}
    hooks = sys.excepthook, threading.excepthook
    yield
    for name, (level, handlers) in before.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).handlers[:] = handlers
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)


def configured(environ: dict[str, str]) -> tuple[io.StringIO, Loaded]:
    loaded = load(environ)
    stream = io.StringIO()
    logs.configure(loaded.settings, secrets=loaded.secrets, stream=stream)
    return stream, loaded


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(stream)]


def test_json_line_has_time_level_logger_event_and_fields() -> None:
    stream, _ = configured({"LOG_FORMAT": "json"})
    token = logs.request_id.set("req-1")
    LOG.info("indexed %d chunks", 3, extra={"upstream": "qdrant", "ms": 1.5, "odd": object})
    logs.request_id.reset(token)
    LOG.info("later")
    first, later = events(stream)
    assert first["event"] == "indexed 3 chunks"
    assert (first["level"], first["logger"], first["request_id"]) == (
        "info",
        "backend.test",
        "req-1",
    )
    assert (first["upstream"], first["ms"]) == ("qdrant", 1.5)
    assert first["time"].endswith("Z")
    assert "request_id" not in later


def test_console_line_is_readable() -> None:
    stream, _ = configured({})
    logs.request_id.set("req-2")
    LOG.warning("slow", extra={"ms": 7})
    logs.request_id.set("")
    assert lines(stream)[0].endswith("WARNING  test: slow request_id=req-2 ms=7")


@FORMATS
def test_one_event_is_one_line_whatever_it_holds(form: str) -> None:
    stream, _ = configured({"LOG_FORMAT": form})
    nasty = "a\nb\r\x1b[31mred\x00\u2028c\u202e\ud800d\x85"
    try:
        raise ValueError(nasty)
    except ValueError:
        LOG.exception("failed: %s", nasty, extra={"who": nasty})
    text = stream.getvalue()
    assert len(text.splitlines()) == 1
    assert text.endswith("\n")
    assert text[:-1].isprintable()
    assert "ValueError" in text


@FORMATS
@pytest.mark.parametrize("variable", [v for v in VARIABLES if v.secret], ids=lambda v: v.name)
def test_no_configured_secret_reaches_the_log(form: str, variable: Any) -> None:
    secret = 'c4nary/+"ü\\x' if variable.kind == "secret" else "c4nary-c0ffee"
    values = {
        "secret": f"{secret}-{'0123456789abcdef' * 2}",
        "key": secret,
        "connection string": f"{'rediss' if 'REDIS' in variable.name else 'postgres'}://u:{secret}@h.example/d",
    }
    value = values[variable.kind]
    stream, loaded = configured({"LOG_FORMAT": form, variable.name: value})
    setting = getattr(loaded.settings, variable.attribute).get_secret_value()
    for text in (value, setting):
        LOG.error(f"message {text}")
        LOG.error("argument %s and %r", text, {"nested": [text]})
        LOG.error("extra", extra={"field": text, "deep": {"list": [text], text: 1}})
        LOG.error(json.dumps({"body": text}))
        try:
            try:
                raise ValueError(text)
            except ValueError as error:
                raise RuntimeError(f"with {text}") from error
        except RuntimeError:
            LOG.exception("failed")
    logged = stream.getvalue()
    assert "c4nary" not in logged
    assert "***" in logged


def test_secret_that_could_not_be_used_is_masked_too() -> None:
    stream, loaded = configured({"NEON_API_KEY": "napi_0123456789abcdef"})
    assert loaded.settings.neon_api_key is None
    LOG.error("could not connect with napi_0123456789abcdef")
    assert "0123456789abcdef" not in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abc.def.ghi",
        "{'authorization': 'Basic c4naryabc='}",
        "postgresql+psycopg2://user:c4nary@h.example/d",
        "password=c4nary host=x",
        "X-Admin-Token: c4nary",
        "refused sk-proj-c4nary0123456789",
        "Cookie: session=c4nary",
    ],
)
def test_unknown_secrets_are_masked_by_their_shape(text: str) -> None:
    masked = logs.Redactor().text(text)
    assert "***" in masked
    assert not any(part in masked for part in ("abc.def", "c4nary"))


def test_redactor_leaves_ordinary_text_alone() -> None:
    text = "POST /chat 200 in 12 ms, tokens=120, https://h.example:6333/collections as basic user"
    assert logs.Redactor(["k-test-not-real"]).text(text) == text


def test_redactor_is_linear_on_hostile_text() -> None:
    text = "://a:" * 20_000 + "authorization" * 5_000 + "a.b-" * 20_000
    assert len(logs.Redactor(["k-test-not-real"]).text(text)) < 20_000


def test_disabled_levels_cost_nothing() -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError("a message was built for a level that is off")

    stream, _ = configured({"LOG_LEVEL": "warning"})
    LOG.info("never %s", Costly())
    assert stream.getvalue() == ""


def test_broken_argument_does_not_break_the_caller() -> None:
    class Broken:
        def __str__(self) -> str:
            raise ZeroDivisionError

    stream, _ = configured({})
    ours = next(h for h in logging.getLogger().handlers if isinstance(h, logs._Handler))
    for message, arguments in (("shown %s", (Broken(),)), ("too %s %s", ("few",))):
        ours.handle(LOG.makeRecord("backend.test", logging.ERROR, "", 1, message, arguments, None))
    assert len(lines(stream)) == 2


def test_libraries_are_quiet_and_share_the_format() -> None:
    stream, _ = configured({"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"})
    logging.getLogger("uvicorn.access").addHandler(logging.StreamHandler())
    configured_again, _ = configured({"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"})
    logging.getLogger("httpx").info("chatter")
    logging.getLogger("openai").debug("request body")
    logging.getLogger("uvicorn.access").info("GET /")
    logging.getLogger("uvicorn.error").info("started")
    LOG.debug("ours")
    assert [e["event"] for e in events(configured_again)] == ["started", "ours"]
    assert stream.getvalue() == "", "the second set-up replaces the first"


def test_uncaught_errors_go_through_the_same_mask() -> None:
    stream, _ = configured({"OPENAI_API_KEY": "k-c4nary-not-real"})
    error = RuntimeError("k-c4nary-not-real")
    sys.excepthook(RuntimeError, error, None)
    assert "uncaught error" in stream.getvalue()
    assert "c4nary" not in stream.getvalue()


def test_banner_stands_as_it_is_on_a_terminal_and_as_events_in_json() -> None:
    report = "Configuration report\n\n  [ok] PORT server\n"
    stream, _ = configured({})
    logs.banner(report)
    assert stream.getvalue() == report
    stream, _ = configured({"LOG_FORMAT": "json"})
    logs.banner(report)
    assert [e["event"] for e in events(stream)] == report.splitlines()
