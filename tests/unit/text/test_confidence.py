from dataclasses import replace

import pytest

from backend.domain import Question
from backend.text.confidence import measure, says_little
from backend.text.evidence import asked
from backend.text.lexicon import Lexicon
from tests.unit.builders import make_hit

FORMS = {"install": 20, "ros": 60, "gazebo": 40, "node": 50, "topic": 30, "ubuntu": 2, "life": 2}
BOOK = Lexicon(FORMS, 100)


def confidence(question, text, lexicon=BOOK, dense=None, bm25=6.0, **more):
    hit = replace(make_hit(text), sparse_score=bm25, dense_score=dense)
    asking = Question(question, selected_text=more.pop("selected", ""))
    return measure(asked(question, lexicon.weight), asking, [hit], lexicon, **more).confidence


@pytest.mark.parametrize(
    ("question", "text", "treated"),
    [
        ("How do I install ROS on Ubuntu?", "Install ROS on Ubuntu with apt.", True),
        ("How do I install ROS on macOS?", "Install ROS on Ubuntu with apt.", False),
        ("Who won the world cup?", "The node publishes a topic.", False),
        ("How long is life?", "A node lives as long as its process does.", False),
        ("What suits heavy nodes?", "A topic or a node.", True),
        ("What is a node?", "A node is a process.", True),
    ],
)
def test_confidence_parts_treated_from_untreated_questions(question, text, treated):
    assert (confidence(question, text) >= 0.5) is treated


def test_confidence_without_hits_is_zero():
    question = Question("What is a node?")
    assert measure(asked(question.text), question, [], BOOK).confidence == 0.0


def test_confidence_without_a_vocabulary_goes_by_coverage():
    nothing = Lexicon({}, 0)
    assert confidence("install the node", "Install each node.", nothing) > 0.9
    assert confidence("install the driver", "The weather is fine.", nothing) < 0.1


def test_confidence_of_a_question_in_other_words_goes_by_the_vectors():
    asked = ("ڈومین رینڈمائزیشن کیا ہے؟", "Domain randomization is a technique.")
    assert confidence(*asked, dense=0.75, bm25=0.0) > 0.5
    assert confidence(*asked, dense=0.2, bm25=0.0) < 0.5


def test_confidence_of_a_repaired_word_is_lower():
    sure = confidence("ubuntu node", "A node on ubuntu.")
    assert confidence("ubuntu node", "A node on ubuntu.", repaired=("ubuntu",)) < sure


def test_confidence_of_a_lone_word_in_passing_is_lower_than_of_a_subject():
    in_passing, subject = "Not on ubuntu.", "Ubuntu is a system. Install ubuntu."
    assert confidence("What about ubuntu?", in_passing) < confidence("What about ubuntu?", subject)
    sure = confidence("What about ubuntu nodes?", "Ubuntu and nodes.")
    assert confidence("What about ubuntu?", "Ubuntu and nodes.") < sure


def test_says_little_counts_words_of_a_subject():
    said = {q: says_little(asked(q), BOOK) for q in ("What is this?", "Why a node?", "node topic")}
    assert list(said.values()) == [True, True, False]


def test_confidence_takes_the_selection_where_the_question_has_no_words():
    assert confidence("Why is that?", "A node has a topic.", selected="node topic") > 0.5


def test_confidence_weighs_unknown_subjects_more_than_unknown_everyday_words():
    text = "Install ROS and Gazebo."
    plain = confidence("install ros gazebo", text)
    everyday = confidence("install ros gazebo entirely", text)
    assert confidence("install ros gazebo mongolia", text) < everyday < plain


def test_confidence_finds_a_page_s_subject_in_its_path():
    hit = replace(make_hit("Passwords are not kept.", source="ros/privacy.md"), sparse_score=6.0)
    words = asked("Does ROS keep a node?", BOOK.weight)
    other = replace(hit, chunk=replace(hit.chunk, source="privacy.md"))
    question = Question("Does ROS keep a node?")
    sure, unsure = (measure(words, question, [it], BOOK).confidence for it in (hit, other))
    assert sure > unsure
