from types import SimpleNamespace

import orjson

from backend.adapters import edge_payloads
from backend.adapters.edge_payloads import Payloads, pack, unpack


class Shard:
    """Points whose payload is their id; records which were read."""

    def __init__(self):
        self.read = []

    def retrieve(self, ids, **_):
        self.read.append(ids)
        return [SimpleNamespace(id=id_, payload={"name": id_}) for id_ in ids]


def test_read_asks_the_engine_only_for_what_is_not_kept():
    shard, payloads = Shard(), Payloads()
    payloads.read(shard, "book", ["a", "b", "a"])
    found = payloads.read(shard, "book", ["b", "c"])
    assert {id_: orjson.loads(payload)["name"] for id_, payload in found.items()} == {
        "b": "b",
        "c": "c",
    }
    assert shard.read == [["a", "b"], ["c"]]


def test_read_keeps_collections_apart_and_forgets_when_told():
    shard, payloads = Shard(), Payloads()
    payloads.read(shard, "book", ["a"])
    payloads.read(shard, "other", ["a"])
    payloads.forget()
    payloads.read(shard, "book", ["a"])
    assert shard.read == [["a"], ["a"], ["a"]]


def test_read_keeps_the_payloads_that_were_used_last(monkeypatch):
    monkeypatch.setattr(edge_payloads, "KEPT", 2)
    shard, payloads = Shard(), Payloads()
    for ids in (["a"], ["b"], ["a"], ["c"], ["a"], ["b"]):
        payloads.read(shard, "book", ids)
    assert shard.read == [["a"], ["b"], ["c"], ["b"]]


def test_pack_gives_the_engine_few_fields_of_a_chunk_and_leaves_other_points_alone():
    chunk = {"kind": "chunk", "source": "a.md", "content": "alpha", "position": 1}
    packed = pack(chunk)
    assert packed.keys() == {"kind", "source", "json"}
    assert unpack(packed) == chunk
    assert unpack(packed, ["content", "missing"]) == {"content": "alpha"}
    document = {"kind": "document", "words": {"1": "alpha"}}
    assert pack(document) == unpack(document) == document
    assert unpack(chunk, ["content"]) == {"content": "alpha"}, "as earlier versions wrote it"


def test_read_gives_the_payload_that_was_packed():
    chunk = {"kind": "chunk", "source": "a.md", "content": "alpha"}
    shard = SimpleNamespace(
        retrieve=lambda ids, **_: [
            SimpleNamespace(id=id_, payload=pack(chunk) if id_ == "new" else chunk) for id_ in ids
        ]
    )
    found = Payloads().read(shard, "book", ["new", "old"])
    assert orjson.loads(found["new"]) == orjson.loads(found["old"]) == chunk
