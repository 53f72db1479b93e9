from backend.text.passages import pieces

PASSAGE = """## Publish

A publisher sends messages, e.g. strings. It needs a topic:

```python
pub = node.create_publisher(String, "chatter", 10)

# not a heading
```

- one item
  that goes on
- another

| name | unit |
|------|------|
| speed | m/s |

:::note
Inside the note.
:::
"""


def test_pieces_are_verbatim_and_in_order():
    found = pieces(PASSAGE)
    assert all(PASSAGE[piece.start : piece.end] == piece.text for piece in found)
    assert [piece.start for piece in found] == sorted(piece.start for piece in found)


def test_pieces_keep_code_tables_and_items_whole():
    by_kind = {kind: [p.text for p in pieces(PASSAGE) if p.kind == kind] for kind in
               ("heading", "sentence", "code", "item", "table")}  # fmt: skip
    assert by_kind["heading"] == ["## Publish"]
    assert by_kind["sentence"] == [
        "A publisher sends messages, e.g. strings.",
        "It needs a topic:",
        "Inside the note.",
    ]
    assert len(by_kind["code"]) == 1
    assert by_kind["code"][0].endswith("# not a heading\n```")
    assert by_kind["item"] == ["- one item\n  that goes on", "- another"]
    assert by_kind["table"] == ["| name | unit |\n|------|------|\n| speed | m/s |"]


def test_pieces_split_urdu_and_chinese_sentences():
    assert len(pieces("روبوٹ چلتا ہے۔ وہ دیکھتا ہے۔")) == 2
    assert len(pieces("机器人会走路。它能看见。")) == 2


def test_pieces_of_an_unclosed_fence_end_with_the_passage():
    found = pieces("```\ncode goes on")
    assert [(piece.kind, piece.text) for piece in found] == [("code", "```\ncode goes on")]
