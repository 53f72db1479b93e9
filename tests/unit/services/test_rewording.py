from backend.domain import Question, Turn, Vocabulary
from backend.errors import UpstreamUnavailable
from backend.services.lexicons import KEEP_S, Lexicons
from backend.services.rewording import FOREIGN, Rewording
from backend.text.lexicon import Lexicon
from tests.unit.services.fakes import FakeIndex, FakeModel

BOOK = Lexicon({"publisher": 3, "subscriber": 2, "node": 9}, 20)
URDU = Question("ڈومین رینڈمائزیشن کیا ہے؟")
AGAIN = Question("and in Python?", history=(Turn("user", "How do I create a node?"),))


async def test_question_that_stands_alone_costs_no_call():
    model = FakeModel("unused")
    asked = await Rewording([model]).reword(Question("How do I create a node?"), BOOK)
    assert (asked.text, asked.note, model.asked) == ("How do I create a node?", None, [])


async def test_foreign_question_is_translated_or_says_that_it_was_not():
    model = FakeModel("What is domain ", "randomization?\n")
    asked = await Rewording([model]).reword(URDU, BOOK)
    assert (asked.text, asked.note) == ("What is domain randomization?", None)
    assert asked.usage.total_tokens == 13
    assert (await Rewording([]).reword(URDU, BOOK)).note == FOREIGN
    down = FakeModel(UpstreamUnavailable("openai", "The model server is away."))
    asked = await Rewording([down]).reword(URDU, BOOK)
    assert (asked.text, asked.note) == (URDU.text, "The model server is away.")


async def test_follow_up_is_completed_by_the_model_or_by_the_question_before():
    model = FakeModel("How do I create a node in Python?")
    assert "node in Python" in (await Rewording([model]).reword(AGAIN, BOOK)).text
    assert "How do I create a node?" in model.asked[0][1]["content"]
    assert (await Rewording([]).reword(AGAIN, BOOK)).text == (
        "and in Python?\nHow do I create a node?"
    )


async def test_lexicons_load_once_and_again_when_expired_or_old():
    index, now = FakeIndex(), [0.0]
    lexicons = Lexicons(index, clock=lambda: now[0])
    index.words = Vocabulary({"node": 2}, 5)
    assert (await lexicons.current()).knows("node")
    index.words = Vocabulary({"topic": 1}, 5)
    assert not (await lexicons.current()).knows("topic")
    lexicons.expire()
    assert (await lexicons.current()).knows("topic")
    index.words = Vocabulary({"action": 1}, 5)
    now[0] = KEEP_S + 1
    await lexicons.current()  # goes on with the old one while the new one is loaded
    assert lexicons._loading is not None
    await lexicons._loading
    assert (await lexicons.current()).knows("action")
