"""The embedded engine without a service around it: ``python -m tests.bench.engine DATA_DIR``."""

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

QUESTIONS = 300


def main(data: Path) -> None:
    """Print the median of what the engine takes for the bench's questions, in milliseconds."""
    store = EdgeStore(data / "index")
    name, _ = store.answer("live", ())
    times = []
    for number in range(QUESTIONS):
        vector = encode_query(question(number))
        asked = [("bm25", (vector.indices, vector.values))]
        began = time.perf_counter()
        store.answer("search", (name, asked, CANDIDATES))
        times.append(time.perf_counter() - began)
    store.close()
    json.dump({"median_ms": 1000 * statistics.median(times)}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
