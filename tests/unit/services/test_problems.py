"""What an index or an ingestion says that somebody should mend."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain import IndexInfo, IngestJob, JobState, UnreadableFile
from backend.services.problems import index_problem, ingestion_problem

FINE = IndexInfo("qdrant", "book", "model_8_v1", 12, 8)


@pytest.mark.parametrize(
    ("found", "expected", "problem"),
    [
        (FINE, 8, None),
        (FINE, None, None),
        (replace(FINE, dimensions=None), 8, None),
        (replace(FINE, points=0), 8, "The index is empty"),
        (replace(FINE, legacy=True), 8, "the layout of an earlier backend"),
        (replace(FINE, problem="Odd."), 8, "Odd."),
        (FINE, 16, "vectors of 8 numbers, the embedding model makes 16"),
    ],
)
def test_an_index_that_does_not_fit_comes_with_its_fix(
    found: IndexInfo, expected: int | None, problem: str | None
) -> None:
    said, fix = index_problem(found, expected)

    assert (said is None) is (fix is None) is (problem is None)
    assert (problem or "") in (said or "")


def test_files_that_were_left_out_are_counted() -> None:
    errors = tuple(UnreadableFile(f"{n}.md", "It is not valid UTF-8.") for n in range(1_200))
    job = IngestJob("job", JobState.DONE, errors=errors)

    assert ingestion_problem(None) == ingestion_problem(replace(job, errors=())) == (None, None)
    assert str(ingestion_problem(job)[0]).startswith("1,200 files were left out")
    assert str(ingestion_problem(replace(job, errors=errors[:1]))[0]).startswith("1 file was left")
    assert "failed: It is not" in str(ingestion_problem(replace(job, state=JobState.FAILED))[0])
