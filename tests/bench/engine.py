"""The embedded engine without a service around it: ``python -m tests.bench.engine DATA_DIR MS``.

It is asked what the service asks it, as often as the service was asked: every ``MS`` milliseconds,
because pauses let caches cool and threads sleep, which is not the service's doing. It is timed
without pauses too, so that one sees whether they matter on this machine.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from backend.adapters.edge_store import EdgeStore
from backend.services.retrieval import CANDIDATES
from backend.text.sparse import encode_query
from tests.bench.corpus import question

WARMING = 200
QUESTIONS = 500


def main(data: Path, every_s: float) -> None:
    """Print what a question takes the engine, with ids and payloads: medians in milliseconds."""
    store = EdgeStore(data / "index")
    name, _ = store.answer("live", ())
    busy = _median(store, name, range(WARMING), 0.0)
    paced = _median(store, name, range(WARMING, WARMING + QUESTIONS), every_s)
    store.close()
    json.dump({"median_ms": 1000 * paced, "busy_ms": 1000 * busy}, sys.stdout)


def _median(store: EdgeStore, name: str, numbers: range, every_s: float) -> float:
    times = []
    for number in numbers:
        vector = encode_query(question(number))
        asked = [("bm25", (vector.indices, vector.values))]
        began = time.perf_counter()
        store.answer("search", (name, asked, CANDIDATES))
        times.append(time.perf_counter() - began)
        time.sleep(max(0.0, every_s - times[-1]))
    return statistics.median(times)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) / 1000)
