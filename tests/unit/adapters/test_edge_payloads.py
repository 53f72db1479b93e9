from types import SimpleNamespace

import orjson

from backend.adapters import edge_payloads
from backend.adapters.edge_payloads import Payloads


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
