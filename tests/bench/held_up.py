"""What keeps the event loop from everybody else: the product's own watchdog, at DEBUG."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import uvloop

from tests.bench import people
from tests.bench.measure import Contender, measure
from tests.bench.stage import product, upstreams

ACCOUNTS = 10


@dataclass(frozen=True)
class HeldUp:
    """Steps beyond 5 ms of CPU: how many, the longest in ms, and where the most were."""

    steps: int
    longest: float
    places: tuple[tuple[str, int, float], ...]


def held_up(folder: Path, book: Path, seconds: float) -> dict[str, HeldUp]:
    """Start and read the book in; then answer, stream and sign people in."""
    data = folder / "watched"
    found: dict[str, HeldUp] = {}
    with (
        upstreams(folder / "doubles.log") as where,
        product(data, book, where.model | {"LOG_LEVEL": "DEBUG"}) as server,
    ):
        log = data / "product.log"
        found["start, ingestion and the UI's loading"], read = _read(log, 0)
        for kind in (server.chat(), server.stream()):
            measure(Contender("questions", server, kind), clients=50, seconds=seconds)
        found["50 chats and streams"], read = _read(log, read)
        uvloop.run(people.sign_up(server.port, ACCOUNTS))
        signing = people.sign_in(server.port, ACCOUNTS)
        measure(Contender("sign-in", server, signing), clients=ACCOUNTS, seconds=seconds)
        found["sign-ins"], read = _read(log, read)
    return found


def _read(log: Path, start: int) -> tuple[HeldUp, int]:
    """What the log says from line ``start`` on, and how many lines it has."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    count: Counter[str] = Counter()
    worst: dict[str, float] = {}
    for line in lines[start:]:
        if '"loop held up"' not in line:
            continue
        event = json.loads(line)
        place = event["place"].split(" < ")[0]
        count[place] += 1
        worst[place] = max(worst.get(place, 0.0), event["ms"])
    ordered = sorted(worst, key=lambda place: -worst[place])
    places = tuple((place, count[place], worst[place]) for place in ordered[:5])
    return HeldUp(count.total(), max(worst.values(), default=0.0), places), len(lines)
