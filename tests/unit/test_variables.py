"""The parsers, the declarations, and what is generated from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from backend import reference
from backend.settings import load
from backend.variables import BY_NAME, VARIABLES
from backend.variables.addresses import host_of, qdrant_address, web_address
from backend.variables.cleaning import clean, is_placeholder
from backend.variables.databases import database_address
from backend.variables.findings import Kind, Note, Parser, Wrong
from backend.variables.origins import origins
from backend.variables.values import Rate, fraction, rate, whole

ROOT = Path(__file__).resolve().parents[2]
DRIVER = "postgresql+psycopg2://"


def parsed(parse: Parser, text: str) -> Any:
    notes: list[Note] = []
    value = parse(text, notes)
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def noted(parse: Parser, text: str) -> list[Note]:
    notes: list[Note] = []
    parse(text, notes)
    return notes


@pytest.mark.parametrize(
    ("raw", "text", "removed"),
    [
        ("plain", "plain", ()),
        (' "a b"\r\n', "a b", ("spaces", "a line break", "quotation marks")),
        ("\ufeffab\u200bc\x00", "abc", ("invisible characters",)),
        ("\u201cquoted\u201d", "quoted", ("quotation marks",)),
        ("export PORT='80'", "80", ("the variable's own name", "quotation marks")),
        ("OTHER=80", "OTHER=80", ()),
        ("\u0628\u200c\u062a", "\u0628\u200c\u062a", ()),
        ("lone\ud800", "lone", ("invisible characters",)),
    ],
)
def test_clean_removes_what_copying_adds(raw: str, text: str, removed: tuple[str, ...]) -> None:
    cleaned, words = clean(raw, ("PORT",))
    assert cleaned == text
    assert set(words) == set(removed)


@pytest.mark.parametrize(
    "text",
    ["your-key-here", "sk-...", "sk-your-key", "changeme", "CHANGE_ME", "<key>", "xxx", "${KEY}"]
    + [
        "https://<cluster>.qdrant.io",
        "postgresql://user:password@host/db",
        "insert key",
        "$API_KEY",
    ],
)
def test_placeholder_is_recognised(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text", ["test-key-not-real", "youth", "an-hour-yourself", "https://book.example", "a$b", "xx"]
)
def test_placeholder_is_not_seen_in_values(text: str) -> None:
    assert not is_placeholder(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postgres://u:p@h.example/d", f"{DRIVER}u:p@h.example/d"),
        ("postgresql+asyncpg://u:p@h.example:1/d", f"{DRIVER}u:p@h.example:1/d"),
        ("postgresql+psycopg://u@h.example/d", f"{DRIVER}u@h.example/d"),
        (
            "postgresql://u:p@ep-x-pooler.neon.tech/d?sslmode=require&channel_binding=require",
            f"{DRIVER}u:p@ep-x-pooler.neon.tech/d?sslmode=require&channel_binding=require",
        ),
        ("postgresql://u:p@ep-x.neon.tech/d", f"{DRIVER}u:p@ep-x.neon.tech/d?sslmode=require"),
        ("postgresql://u:p@h.example/d?pgbouncer=true", f"{DRIVER}u:p@h.example/d"),
        ("postgresql://u:p@h.example/d?ssl=true", f"{DRIVER}u:p@h.example/d?sslmode=require"),
        ("postgresql://u:p@s/w#d@h.example/d", f"{DRIVER}u:p%40s%2Fw%23d@h.example/d"),
        ("postgresql://u:p%40s@h.example/d", f"{DRIVER}u:p%40s@h.example/d"),
        ("psql 'postgresql://u:p@h.example/d'", f"{DRIVER}u:p@h.example/d"),
    ],
)
def test_database_address_is_normalised(text: str, url: str) -> None:
    assert parsed(database_address, text) == url


def test_database_address_is_what_sqlalchemy_reads() -> None:
    from sqlalchemy.engine import make_url

    url = make_url(
        parsed(database_address, "postgres://us:p@:/?#[]w@h.example:6543/d?sslmode=require")
    )
    assert (url.username, url.password, url.host) == ("us", "p@:/?#[]w", "h.example")
    assert (url.port, url.database, dict(url.query)) == (6543, "d", {"sslmode": "require"})


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://h.example", "https://h.example:6333"),
        ("HTTPS://H.Example:443/dashboard#/x", "https://h.example:443"),
        ("http://abc.cloud.qdrant.io:6334", "https://abc.cloud.qdrant.io:6333"),
        ("abc.cloud.qdrant.io", "https://abc.cloud.qdrant.io:6333"),
        ("localhost", "http://localhost:6333"),
        ("10.0.0.7:6333", "http://10.0.0.7:6333"),
        ("http://[::1]:6333", "http://[::1]:6333"),
    ],
)
def test_qdrant_address_is_normalised(text: str, url: str) -> None:
    assert parsed(qdrant_address, text) == url


def test_model_address_loses_the_name_of_a_call() -> None:
    parse = web_address(carries_key=True)
    assert parsed(parse, "https://h.example/v1/chat/completions/") == "https://h.example/v1"
    assert noted(parse, "https://h.example/v1/") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example, https://b.example:8443", ("https://a.example", "https://b.example:8443")),
        ('["https://a.example/", "http://localhost:5173"]', ("https://a.example", "http://localhost:5173")),
        ("https://A.Example:443", ("https://a.example",)),
        ("https://*.book.example", ("https://*.book.example",)),
        ("https://b\u00fccher.example", ("https://xn--bcher-kva.example",)),
        ("*, https://a.example", ("https://a.example",)),
    ],
)  # fmt: skip
def test_origins_come_as_browsers_send_them(text: str, expected: tuple[str, ...]) -> None:
    assert parsed(origins, text) == expected


@pytest.mark.parametrize(
    "text", ["*", "null", "https://*", "https://*.com", "https://a-*.b.example"]
)
def test_origins_refuse_what_opens_too_much(text: str) -> None:
    with pytest.raises(Wrong):
        parsed(origins, text)


def test_origins_say_which_entry_is_wrong() -> None:
    notes = noted(origins, "https://a.example,ftp://b.example")
    assert [(n.kind, "Entry 2" in n.problem) for n in notes] == [(Kind.WRONG, True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30/minute", Rate(30, 60)), ("5 per second", Rate(5, 1)), ("100/hour", Rate(100, 3600))]
    + [("10", Rate(10, 60)), ("6/10s", Rate(6, 10)), ("1000 per day", Rate(1000, 86400))]
    + [("off", None)],
)
def test_rate_is_read(text: str, expected: Rate | None) -> None:
    assert parsed(rate, text) == expected


@pytest.mark.parametrize("text", ["nan", "inf", "-0.1", "1.01", "1e-1", "", "\u0661"])
def test_fraction_refuses_what_is_none(text: str) -> None:
    with pytest.raises(Wrong):
        fraction(text, [])


@pytest.mark.parametrize(("text", "value"), [("2,000", 2000), ("2_000", 2000), ("2k", 2000)])
def test_whole_number_is_read(text: str, value: int) -> None:
    assert parsed(whole(1, 10_000), text) == value


def test_host_of_shows_nothing_but_host_and_port() -> None:
    assert host_of("https://u:p@h.example/v1?key=k") == "h.example:443"
    assert host_of(f"{DRIVER}u:p@h.example/d") == "h.example:5432"
    assert host_of("not an address") == ""


def test_declarations_are_complete() -> None:
    names = [name for variable in VARIABLES for name in variable.names]
    assert len(names) == len(set(names))
    for variable in VARIABLES:
        assert variable.used_for
        assert variable.where
        assert variable.example
        assert variable.link.startswith("https://")
        assert variable.default or variable.shown, "the documentation shows a default"


def test_declared_examples_and_defaults_are_good() -> None:
    for variable in VARIABLES:
        if variable.default:
            variable.parse(variable.default, [])
        if variable.secret:
            assert is_placeholder(variable.example), "an example file holds no secret"
        elif "<" not in variable.example and variable.kind != "path":
            loaded = load({variable.name: variable.example})
            wrong = [f for f in loaded.findings if f.variable == variable.name]
            assert not [f for f in wrong if f.kind in (Kind.WRONG, Kind.PLACEHOLDER)]


def test_table_in_the_documentation_is_the_generated_one() -> None:
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert reference.between_markers(page) == reference.render_markdown_table(), (
        "run: python -m backend.reference --write"
    )


def test_env_example_is_the_generated_one() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert text == reference.render_env_example(), "run: python -m backend.reference --write"
    assert all(line.startswith("#") for line in text.splitlines() if line)
    assert all(f"\n#{name}=" in text for name in BY_NAME)


def test_reference_writes_between_markers_only(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    page = f"before\n{reference.BEGIN}\nold\n{reference.END}\nafter\n"
    (tmp_path / "docs/configuration.md").write_text(page, encoding="utf-8")
    assert reference.write(tmp_path) == ["README.md: No such file or directory"]
    written = (tmp_path / "docs/configuration.md").read_text(encoding="utf-8")
    assert written.startswith(f"before\n{reference.BEGIN}\n| variable ")
    assert written.endswith(f"{reference.END}\nafter\n")
    assert reference.between_markers(written) == reference.render_markdown_table()
    assert (tmp_path / ".env.example").read_text(encoding="utf-8") == reference.render_env_example()
