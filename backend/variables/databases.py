"""The parser of PostgreSQL connection strings. Pure."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, unquote, urlencode

from pydantic import SecretStr

from backend.variables.addresses import CONNECTION, ascii_host
from backend.variables.findings import Note, Wrong

_POSTGRES = {"postgres", "postgresql"}
# What libpq takes and an operator sets; psycopg2 refuses a connection string with any other word.
_LIBPQ = {
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation", "channel_binding"),
    *("connect_timeout", "application_name", "options", "target_session_attrs", "gssencmode"),
    *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
    *("tcp_user_timeout", "client_encoding"),
}


def _query(text: str, notes: list[Note]) -> str:
    pairs = dict(parse_qsl(text, keep_blank_values=False, max_num_fields=50))
    if "ssl" in pairs and "sslmode" not in pairs:
        pairs["sslmode"] = "disable" if pairs["ssl"].lower() in {"false", "disable"} else "require"
    if set(pairs) - _LIBPQ - {"ssl"}:
        problem = "It has parameters that PostgreSQL's driver does not know; they are left out."
        notes.append(Note(problem, "Keep sslmode and channel_binding only."))
    return urlencode({k: v for k, v in pairs.items() if k in _LIBPQ}, quote_via=quote)


_CONNECT = (
    "In the Neon console open the project, press Connect and copy the string that begins with "
    "postgresql://."
)


def _database_parts(text: str) -> re.Match[str]:
    """The parts of a PostgreSQL connection string, or the reason why it is none."""
    if text.startswith("napi_"):
        raise Wrong("It holds a key of Neon's console, not a connection string.", _CONNECT)
    match = CONNECTION.fullmatch(text)
    if match is None or re.search(r"\s", text):
        raise Wrong("It is not a connection string.", _CONNECT)
    scheme = match["scheme"].lower().split("+")[0]
    if scheme == "sqlite":
        raise Wrong(
            "It names SQLite.", "Leave it empty: SQLite in DATA_DIR is what runs without it."
        )
    if scheme in {"http", "https"}:
        raise Wrong("It holds a web address, not a connection string.", _CONNECT)
    if scheme not in _POSTGRES:
        raise Wrong("It names another database than PostgreSQL.", _CONNECT)
    if not ascii_host(match["host"]):
        raise Wrong("It has no host.", _CONNECT)
    if not match["name"]:
        raise Wrong(
            "It names no database after the host.",
            "End it with a slash and the database's name, then ?sslmode=require.",
        )
    if match["port"] and not 0 < int(match["port"][:6]) < 65536:
        raise Wrong("Its port is out of range.", _CONNECT)
    return match


def database_address(text: str, notes: list[Note]) -> SecretStr:
    """A PostgreSQL connection string as SQLAlchemy and psycopg2 want it.

    ``postgres://`` and every driver suffix become ``postgresql+psycopg2://``: SQLAlchemy refuses
    the first and reads the bare name as another driver. Passwords are percent-encoded.
    """
    command = re.fullmatch(r"psql\s+(['\"]?)(.*)\1", text, re.DOTALL)
    if command:
        text = command[2].strip()
        notes.append(Note("It began with the command psql.", "Set the connection string alone."))
    match = _database_parts(text)
    if match["scheme"].lower() == "postgres":
        notes.append(
            Note(
                "It begins with postgres://, which is read as postgresql://.",
                "Write postgresql://.",
            )
        )
    login = ""
    if match["user"] or match["password"]:
        password = match["password"] or ""
        encoded = quote(
            unquote(password, errors="surrogateescape"), safe="", errors="surrogateescape"
        )
        if re.search(r"[@/?#\[\] ]", password):
            notes.append(
                Note(
                    "Its password has characters that an address needs encoded.",
                    "Percent-encode the password.",
                )
            )
        login = (
            quote(unquote(match["user"] or ""), safe="") + (f":{encoded}" if password else "") + "@"
        )
    query = _query(match["query"] or "", notes)
    host = match["host"].lower()
    if host.endswith(".neon.tech") and "sslmode=" not in query:
        query = "&".join(filter(None, (query, "sslmode=require")))
    port = f":{match['port']}" if match["port"] else ""
    url = f"postgresql+psycopg2://{login}{host}{port}/{match['name']}"
    return SecretStr(f"{url}?{query}" if query else url)
