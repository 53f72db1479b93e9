import pytest

from backend.text.evidence import KEPT_STEMS, asked, prepare


@pytest.mark.parametrize(
    ("question", "text", "share"),
    [
        ("publish messages", "Publishers send a message.", 1.0),
        ("conversational robots", "About conversational robotics", 1.0),
        ("life", "the lifetime of a value", 0.0),
        ("node", "subnodes and anodes", 0.0),
        ("use_sim_time", "set use_sim_time to true", 1.0),
        ("create timer", "self.createTimer(1.0)", 1.0),
        ("closing hours", "closing, not closed, by the hour", 1.0),
        ("entity of movement", "entities move", 0.5),
        ("port 80", "port 8080", 0.5),
        ("GRÖSSE", "die Größe", 1.0),
        ("机器人", "一个机器人在走", 1.0),
        ("روبوٹ", "یہ روبوٹ ہے", 1.0),
    ],
)
def test_coverage_finds_words_by_their_stems(question, text, share):
    assert asked(question).coverage(prepare([text])) == pytest.approx(share)


def test_phrases_are_neighbours_in_both_texts():
    words = asked("default publishing rate")
    assert words.phrases(prepare(["The default publishing rate is 30 Hz."])) == 1.0
    assert words.phrases(prepare(["The rate of publishing is a default."])) == 0.0


def test_weights_decide_what_a_missing_word_costs():
    heavy = asked("install macOS", lambda token: 9.0 if "maco" in token.terms[0] else 1.0)
    assert heavy.coverage(prepare(["How to install it"])) == pytest.approx(0.1)


def test_what_a_text_was_asked_before_changes_no_answer_and_grows_no_memory():
    text = prepare(["Nodes publish messages", "a node listens to topics"])
    fresh = [asked(question).coverage(text) for question in ("node topic", "motor node")]
    for number in range(3 * KEPT_STEMS):
        asked(f"word{number} node").coverage(text)
    assert len(text.known) <= KEPT_STEMS
    assert [asked(question).coverage(text) for question in ("node topic", "motor node")] == fresh
    assert fresh == [1.0, 0.5]
