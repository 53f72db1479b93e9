"""Links a copy of a collection into a graph: ``python -m backend.adapters.edge_graph FROM TO``.

The engine does that in one call that holds up everything else in its process, for minutes at
100,000 chunks; so it happens in a process of its own, on a copy, while the original is searched.
``TO`` appears when it is complete. Nobody may write to ``FROM`` meanwhile.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from backend.adapters.edge_folder import LINKED

_FROM_KB = 10_000
_NEIGHBOURS, _CANDIDATES = 16, 100
"""99.5 % of what an exact search finds among its first 30, in 50,000 vectors of all-MiniLM-L6-v2 (a
third of them of real texts, the others noised copies), in 0.3 ms; 24 and 200 give 99.9 % in 0.8 ms
and take twice as long to build."""
_NICE = 15


def link(original: Path, target: Path) -> None:
    """Make ``target``. Raises OSError, or whatever the engine finds fault with."""
    import qdrant_edge as edge

    draft = target.with_name(f"{target.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(original, draft)
    config = edge.EdgeConfig(  # what is not said stays as it is
        sparse_vectors={"bm25": edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=_FROM_KB),
        hnsw_config=edge.HnswIndexConfig(
            m=_NEIGHBOURS, ef_construct=_CANDIDATES, full_scan_threshold=_FROM_KB,
            max_indexing_threads=1,
        ),
    )  # fmt: skip
    shard = edge.EdgeShard.load(str(draft), config)
    shard.optimize()
    shard.flush()
    points = shard.info().points_count
    shard.close()
    (draft / LINKED).write_text(f"{points}")
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


if __name__ == "__main__":
    os.nice(_NICE)
    link(Path(sys.argv[1]), Path(sys.argv[2]))
