from backend.text.extractive import compose, extract
from backend.text.sparse import query_terms
from tests.unit.builders import make_hit


def answer(question: str, *hits, selected: str = "") -> str:
    return compose(extract(question, selected, hits, query_terms))


def test_extract_picks_the_sentence_that_answers_not_the_head():
    hit = make_hit(
        "Robots have a long history. " * 20 + "\n\nThe default publishing rate is 30 Hz."
    )
    assert answer("What is the default publishing rate?", hit) == (
        "The default publishing rate is 30 Hz. [1]"
    )


def test_extract_keeps_the_list_with_its_lead_in():
    text = "Intro.\n\nYou need three secrets:\n- an API key\n- a database address\n- a token"
    spans = extract("which secrets do I need", "", [make_hit(text)], query_terms)
    assert spans[0].text == text.removeprefix("Intro.\n\n")


def test_extract_keeps_announced_code_whole():
    code = "```python\n" + "x = 1\n" * 300 + "```"
    hit = make_hit(f"Create the publisher like this:\n\n{code}")
    assert code in answer("how do I create the publisher", hit)


def test_extract_prefers_the_text_below_the_heading_that_was_asked_for():
    right = make_hit(
        "None is required to start. Some switch on more.",
        heading_path=("Deploying", "Which secrets do I need on a Space?"),
    )
    wrong = make_hit("A Space needs space on disk, and secrets are secret.", score=0.9)
    assert answer("Which secrets do I need on a Space?", wrong, right).startswith("None is")


def test_extract_cites_each_span_and_adds_what_brings_new_terms():
    text = answer(
        "difference between topics and services",
        make_hit("Topics are streams of messages.", heading_path=("A",)),
        make_hit("Services answer one request.", heading_path=("B",)),
        make_hit("The weather is fine today.", heading_path=("C",)),
    )
    assert "[1]" in text
    assert "[2]" in text
    assert "weather" not in text


def test_extract_quotes_each_side_of_a_comparison():
    both = make_hit("Boxes and cells differ, and boxes and cells are pointers.")
    boxes = make_hit("A box owns what it points to.", score=0.5, heading_path=("Boxes",))
    cells = make_hit("A cell checks its borrows late.", score=0.5, heading_path=("Cells",))
    text = answer("What is the difference between boxes and cells?", both, boxes, cells)
    assert [text.count(hit.chunk.text) for hit in (both, boxes, cells)] == [1, 1, 1]
    assert "late" not in answer("What are boxes?", both, boxes, cells)


def test_extract_uses_the_selection_as_well():
    hits = [
        make_hit("A goal is rejected while navigation is already active.", heading_path=("A",)),
        make_hit("Why robots walk is another story.", heading_path=("B",)),
    ]
    spans = extract("Why is this?", "return GoalResponse.REJECT when active", hits, query_terms)
    assert spans[0].text.startswith("A goal is rejected")
