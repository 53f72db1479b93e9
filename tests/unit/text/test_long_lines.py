from datetime import UTC, datetime

from backend.domain import SourceFile
from backend.text.long_lines import LONGEST, cut_long_lines
from backend.text.markdown import chunk_file

SENTENCE = "The robot walks to the door and opens it with its left hand. "
LONG = (SENTENCE * 60).strip()


def test_cut_leaves_ordinary_lines_alone():
    assert cut_long_lines("short\n" * 900, target=600, window=1_000) == []


def test_cut_covers_every_word_between_sentences():
    spans = cut_long_lines(LONG, target=600, window=1_000)
    parts = [LONG[span.start : span.end] for span in spans]
    assert " ".join(parts) == LONG
    assert all(part.endswith(".") and len(part) <= 600 for part in parts)
    windows = [LONG[span.window_start : span.window_end] for span in spans]
    assert all(part in window for part, window in zip(parts, windows, strict=True))
    assert max(map(len, windows)) <= 1_000


def test_cut_of_a_line_without_sentences_is_between_words():
    text = "word " * (LONGEST // 4)
    spans = cut_long_lines(text, target=600, window=600)
    assert " ".join(text[s.start : s.end] for s in spans).split() == text.split()


def test_chunks_of_a_long_paragraph_are_verbatim_and_know_their_line():
    text = f"# Title\n\n{LONG}\n\nLast words.\n"
    file = SourceFile("a.md", text, datetime.now(UTC))
    chunks = chunk_file(file).chunks
    assert len(chunks) > 4
    assert all(chunk.text in text and chunk.text in chunk.window for chunk in chunks)
    assert {chunk.start_line for chunk in chunks[1:-1]} == {3}
    assert len({chunk.id for chunk in chunks}) == len(chunks)
