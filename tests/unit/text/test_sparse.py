import pytest

from backend.text import sparse
from backend.text.sparse import (
    AVERAGE_LENGTH,
    PIECE_WEIGHT,
    VAGUE_WEIGHT,
    coverage,
    document_terms,
    encode_document,
    encode_query,
    query_terms,
)
from backend.text.stopwords import STOPWORDS
from backend.text.tokens import fold


def shared(question: str, text: str) -> set[int]:
    """Indices that make the text a hit for the question."""
    return set(encode_query(question).indices) & set(encode_document(text).indices)


def score(question: str, text: str) -> float:
    """What the engine would compute without IDF."""
    asked, stored = encode_query(question), encode_document(text)
    weights = dict(zip(stored.indices, stored.values, strict=True))
    pairs = zip(asked.indices, asked.values, strict=True)
    return sum(value * weights.get(index, 0.0) for index, value in pairs)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("tf2", "from tf2_ros import Buffer"),
        ("studies of embeddings", "A study embeds words."),
        ("Cafe naive", "the café was naïve"),
        ("STRASSE", "straße"),
        ("spin once", "call rclpy.spin_once(node)"),
        ("spin_once", "rclpy.spinOnce()"),
        ("rclpy.spin_once", "spin-once"),
        ("simulation time", "--ros-args -p use_sim_time:=true"),
        ("observers tuple", "DifferentialObserversTuple"),
        ("std::vector", "the vector class"),
        ("ROS 2", "ros2 topic list"),
        ("LLM", "several LLMs"),
        ("e-mail", "email"),
        ("1000 genomes", "1,000 genomes"),
        ("version 2.1", "v2.1"),
        ("٣ روبوتات", "3"),
        ("C++", "written in C++, not C"),
        ("what is the CAN bus", "A CAN frame"),
        ("ﬁne", "fine"),
        ("محمد", "مُحَمَّد"),
        ("كتاب إلكتروني", "کتاب الکترونی"),
        ("روبوت", "الروبوت"),
        ("كـــتاب", "کتاب"),
        ("کتابها", "کتاب\u200cها"),
        ("کتاب", "کتاب\u200cها"),
        ("机器人", "人形机器人的运动"),
        ("器", "机器人"),
        ("ロボット", "ロボットの腕"),
        ("로봇", "로봇은"),
        ("หุ่นยนต์", "สร้างหุ่นยนต์เดิน"),
        ("ёлка", "ЕЛКА"),
        ("ΡΟΜΠΌΤ", "ρομπότ"),
        ("हिन्दी", "यह हिन्दी है"),
    ],
)
def test_encoder_finds_other_spellings_of_the_same_word(question: str, text: str) -> None:
    assert shared(question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("0.001", "0.01 and 1 or 001"),
        ("हिन्दी", "हिम"),
        ("机器", "器机"),
        ("How do I do this?", "How does this do it, and what is it?"),
        ("یہ کیا ہے", "وہ کیا ہے"),
        ("C++", "C# and C"),
        ("don't", "don t"),
        ("", "text"),
        ("\ud800 \x00 ---", "\ud800 \x00 ---"),
    ],
)
def test_encoder_keeps_apart_what_is_different(question: str, text: str) -> None:
    assert not shared(question, text)


def test_encode_document_saturates_term_frequency() -> None:
    once, often = encode_document("gazebo").values[0], encode_document("gazebo " * 50).values[0]
    assert 1 < once < often < sparse.K + 1
    k = sparse.K * (1 - sparse.B + sparse.B / AVERAGE_LENGTH)
    assert once == pytest.approx((sparse.K + 1) / (1 + k))


def test_encode_document_discounts_length_alike_in_every_script() -> None:
    english, chinese = "robots " * 60, "机器人" * 120
    with_term = [encode_document(text + " gazebo") for text in (english, chinese)]
    first, second = (dict(zip(v.indices, v.values, strict=True)) for v in with_term)
    index = encode_query("gazebo").indices[0]
    assert first[index] < encode_document("gazebo").values[0]
    assert first[index] == pytest.approx(second[index], rel=0.05)


def test_encode_document_gives_the_heading_path_more_weight() -> None:
    index = encode_query("kinematics").indices[0]
    heading = encode_document("Robots > Kinematics\nArms move.")
    body = encode_document("Robots > Arms\nKinematics move.")
    weights = [dict(zip(v.indices, v.values, strict=True))[index] for v in (heading, body)]
    assert weights[0] > weights[1]
    even = encode_document("Robots > Kinematics\nArms move.", heading_boost=1)
    assert dict(zip(even.indices, even.values, strict=True))[index] == pytest.approx(weights[1])
    assert encode_document("kinematics") == encode_document("kinematics", heading_boost=9)


def test_encode_query_weighs_pieces_less_than_words() -> None:
    weights = encode_query("spin_once robots").values
    assert sorted(weights) == [PIECE_WEIGHT, 1, 1]
    assert set(encode_query("spin spin_once").values) == {1}


def test_encode_query_weighs_words_less_that_any_question_may_have() -> None:
    assert encode_query("purpose of nodes").values == (VAGUE_WEIGHT, 1)
    assert score("purpose of nodes", "nodes") > score("purpose of nodes", "purpose")


def test_identifiers_match_best_where_they_stand_whole() -> None:
    whole = score("spin_once", "rclpy.spin_once(node)")
    assert whole > 2 * score("spin_once", "spin the node once") > 0
    assert whole > 2 * score("spin_once", "rclpy.spin(node)") > 0


def test_vectors_have_unique_indices_that_qdrant_computes_too() -> None:
    text = "robot Robots a_b_c 机器人 机器人 ROS2 ros2 " * 3
    for vector in (encode_document(text), encode_query(text)):
        assert len(set(vector.indices)) == len(vector.indices) == len(vector.values) > 5
    # abs(int32(murmur3_32("hello"))) with seed 0: 0x248bfa47
    assert encode_query("hello").indices == (0x248BFA47,)


def test_long_inputs_cost_linear_time_and_blobs_stay_whole() -> None:
    blob = "QmFzZTY0" * 40
    assert query_terms(blob) == (blob.casefold(),)
    for text in ("a." * 50_000, "_" * 100_000, "Ab" * 50_000, "\u0941" * 50_000, "1," * 50_000):
        encode_document(text)


def test_terms_are_those_of_the_vectors() -> None:
    text = "Nodes > Spinning\nCall rclpy.spin_once, 机器人."
    assert len(document_terms(text)) == len(encode_document(text).indices)
    assert len(query_terms(text)) == len(encode_query(text).indices)
    assert query_terms("What are nodes?") == ("node",)


@pytest.mark.parametrize(
    ("question", "text", "share"),
    [
        ("What is a LiDAR?", "The lidar turns.", 1.0),
        ("spin_once", "It spins once.", 1.0),
        ("tf2_ros.Buffer in Gazebo", "a ROS node in Gazebo", 0.5 + 0.5 / 6),
        ("robots and topics", "a robot", 0.5),
        ("机器人", "机器", 0.5),
        ("what is it", "it is what it is", 0.0),
    ],
)
def test_coverage_counts_words_not_forms(question: str, text: str, share: float) -> None:
    assert coverage(question, text) == pytest.approx(share)


def test_stopwords_are_spelt_as_tokens_are() -> None:
    assert {fold(word).casefold() for word in STOPWORDS} == STOPWORDS


def test_encode_document_counts_words_alike_whatever_stands_around_them() -> None:
    plain, cited = "Arms move, and (arms) move: arms.", "Arms move, and «arms» move: arms."
    assert encode_document(plain) == encode_document(cited)
    forms: set[str] = set()
    encode_document("joint_states, e.g. 1,000 joints/arms", forms=forms)
    assert {"jointstates", "joint", "states", "1000", "joints", "arms"} <= forms
