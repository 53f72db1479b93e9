from __future__ import annotations

import pytest

from backend.adapters.openai_errors import Names
from backend.adapters.openai_wire import vectors_in
from backend.errors import UpstreamMalformed


@pytest.mark.parametrize(
    "data",
    [
        b'{"data": []}',
        b'{"data": [{"embedding": [1.0]}, {"embedding": [1.0]}]}',
        b'{"data": [{"index": 1, "embedding": [1.0]}]}',
        b'{"data": [{"index": 0, "embedding": "AAA"}]}',
        b'{"data": [{"index": 0, "embedding": "AADAfw=="}]}',
        b'{"data": [{"index": 0, "embedding": []}]}',
        b'{"data": [null]}',
        b'{"error": "?"}',
        b"[]",
        b"\xff",
    ],
)
def test_answer_of_another_shape_is_malformed(data: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        vectors_in(data, 1, Names())
