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

FLOOR, QDRANT, EMBEDDED, HISTORY = "floor", "Qdrant", "embedded index", "Qdrant, with history"
CHATTERS = 50

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

    def __init__(self, floor_: Server, qdrant: Server, embedded: Server) -> None:
        self.floor, self.qdrant, self.embedded = floor_, qdrant, embedded

    def all(self, kind: Callable[[Server], Ask]) -> list[Contender]:
        return [
            Contender(name, server, kind(server))
            for name, server in (
                (FLOOR, self.floor), (QDRANT, self.qdrant), (EMBEDDED, self.embedded),
            )
        ]  # fmt: skip


@contextlib.contextmanager
def cast(folder: Path, book: Path, where: Upstreams) -> Iterator[Cast]:
    with (
        floor(folder / "floor.log", where) as floor_,
        product(folder / "qdrant", book, where.model | where.store) as qdrant,
        product(folder / "embedded", book, where.model) as embedded,
    ):
        yield Cast(floor_, qdrant, embedded)


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
        found |= _people(on, effort)
    return found


def _chats(on: Cast, effort: Effort) -> Results:
    (token,) = uvloop.run(people.sign_up(on.qdrant.port, 1))
    history = Contender(HISTORY, on.qdrant, people.signed_in(on.qdrant.chat(), token))
    return {
        "chats": interleaved(
            [*on.all(Server.chat), history], clients=CHATTERS, seconds=effort.seconds,
            repetitions=effort.repetitions,
        )
    }  # fmt: skip


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
