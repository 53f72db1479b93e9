"""Questions side by side with the floor: real latencies, streams, saturation, health."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvloop

from tests.bench import people
from tests.bench.load import Ask
from tests.bench.measure import Contender, Sample, Series, interleaved, measure
from tests.bench.stage import Server, Upstreams, floor, product, upstreams
from tests.postgres import postgres_server

FLOOR, QDRANT, EMBEDDED = "floor", "Qdrant", "embedded index"
NEW_POSTGRES = "Qdrant, history begun (PostgreSQL)"
POSTGRES = "Qdrant, history (PostgreSQL)"
SQLITE = "Qdrant, history (SQLite)"
CHATTERS = 50
SECRET = {"BETTER_AUTH_SECRET": "a-secret-of-32-characters-not-real"}

Results = dict[str, dict[str, Series]]


@dataclass(frozen=True)
class Effort:
    """How long everything is measured."""

    seconds: float = 2.0
    repetitions: int = 3
    most_streams: int = 500
    accounts: int = 50


class Cast:
    """The floor and the product in its set-ups, all running."""

    def __init__(
        self, floor_: Server, qdrant: Server, embedded: Server, on_postgres: Server
    ) -> None:
        self.floor, self.qdrant, self.embedded = floor_, qdrant, embedded
        self.on_postgres = on_postgres

    def all(self, kind: Callable[[Server], Ask]) -> list[Contender]:
        return [
            Contender(name, server, kind(server))
            for name, server in (
                (FLOOR, self.floor), (QDRANT, self.qdrant), (EMBEDDED, self.embedded),
            )
        ]  # fmt: skip


@contextlib.contextmanager
def cast(folder: Path, book: Path, where: Upstreams) -> Iterator[Cast]:
    outside = where.model | where.store
    with (
        postgres_server() as postgres,
        floor(folder / "floor.log", where) as floor_,
        product(folder / "qdrant", book, outside) as qdrant,
        product(folder / "embedded", book, where.model) as embedded,
        product(
            folder / "postgres", book,
            outside | SECRET | {"NEON_API_KEY": postgres.dsn(postgres.database())},
        ) as on_postgres,
    ):  # fmt: skip
        yield Cast(floor_, qdrant, embedded, on_postgres)


def measure_answers(folder: Path, book: Path, effort: Effort) -> Results:
    """Chats, streams, saturation, /health beside them, accounts, memory."""
    found: Results = {}
    with (
        upstreams(folder / "doubles.log") as where,
        cast(folder / "cast", book, where) as on,
    ):
        found["idle"] = {QDRANT: _one(measure(on.all(Server.health)[1], clients=1, seconds=0.5))}
        where.speed(embed_ms=20, chat_ms=300, token_ms=0, search_ms=5)
        found |= _chats(on, effort)
        found |= _health(on, effort)
        where.speed(embed_ms=20, chat_ms=300, token_ms=20, search_ms=5)
        found["slow chats"] = interleaved(
            on.all(Server.chat), clients=CHATTERS, seconds=effort.seconds,
            repetitions=effort.repetitions,
        )  # fmt: skip
        for streams in (50, 200):
            found[f"streams{streams}"] = interleaved(
                on.all(Server.stream), clients=streams, seconds=effort.seconds,
                repetitions=effort.repetitions,
            )  # fmt: skip
        many = measure(on.all(Server.stream)[1], clients=effort.most_streams, seconds=2)
        found["most streams"] = {QDRANT: _one(many)}
        where.speed(embed_ms=0, chat_ms=0, token_ms=0, search_ms=0)
        found["saturation"] = interleaved(
            on.all(Server.chat), clients=CHATTERS, seconds=effort.seconds,
            repetitions=effort.repetitions,
        )  # fmt: skip
        where.speed(embed_ms=0, chat_ms=0, token_ms=0, search_ms=5)
        found["search"] = interleaved(
            on.all(Server.search)[1:], clients=1, seconds=effort.seconds / 2,
            repetitions=effort.repetitions,
        )  # fmt: skip
        found |= _people(on, effort)
    return found


def _chats(on: Cast, effort: Effort) -> Results:
    return {
        "chats": interleaved(
            [*on.all(Server.chat), *history(on)], clients=CHATTERS, seconds=effort.seconds,
            repetitions=effort.repetitions,
        )
    }  # fmt: skip


def history(on: Cast) -> Iterator[Contender]:
    """Questions of a signed-in reader, at the server that answers them to anybody and its like."""
    for name, server in ((POSTGRES, on.on_postgres), (SQLITE, on.qdrant)):
        (token,) = uvloop.run(people.sign_up(server.port, 1))
        if name == POSTGRES:
            yield Contender(NEW_POSTGRES, server, people.signed_in(server.chat(), token))
        begun = uvloop.run(people.begin(people.signed_in(server.chat(), token), CHATTERS))
        yield Contender(name, server, people.signed_in(server.chat(begun), token))


def _health(on: Cast, effort: Effort) -> Results:
    return {
        "health": interleaved(
            on.all(Server.health), clients=1, seconds=effort.seconds,
            repetitions=effort.repetitions,
            background=lambda contender: (contender.server.chat(), CHATTERS),
        )
    }  # fmt: skip


def _people(on: Cast, effort: Effort) -> Results:
    """50 people sign in at once, /health beside them; then one reads the list of conversations."""
    tokens = uvloop.run(people.sign_up(on.embedded.port, effort.accounts))
    signing = people.sign_in(on.embedded.port, effort.accounts)
    beside = measure(
        Contender("health", on.embedded, on.embedded.health()),
        clients=1, seconds=effort.seconds, background=(signing, effort.accounts),
    )  # fmt: skip
    alone = measure(
        Contender("sign-in", on.embedded, signing), clients=effort.accounts, seconds=effort.seconds
    )
    listing = people.signed_in(people.sessions(on.embedded.port), tokens[0])
    listed = measure(Contender("list", on.embedded, listing), clients=10, seconds=1)
    return {
        "people": {
            "/health while 50 sign in": _one(beside),
            "sign-in": _one(alone),
            "list of conversations": _one(listed),
        }
    }


def _one(sample: Sample) -> Series:
    return Series([sample])
