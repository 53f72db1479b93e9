from __future__ import annotations

import random

from backend.text.grouping import group_alike, spoken_for

QUESTIONS = [
    "How do I install ROS 2 on Windows?",
    "What is a quaternion?",
    "install ROS 2 windows",
    "How do I uninstall ROS 2 packages on a Mac?",
    "what is a quaternion",
    "installing ros 2 on Windows please",
    "کیا ہے؟",
    "Explain quaternions",
]


def test_questions_with_the_same_words_are_one_group() -> None:
    groups = group_alike(QUESTIONS)
    assert groups[0] == [0, 2, 5]
    assert groups[1] == [1, 4]
    assert [3] in groups


def test_groups_hold_every_question_once() -> None:
    rng = random.Random(3)
    words = "node topic service action gazebo urdf launch sensor lidar camera slam map".split()
    texts = [" ".join(rng.choices(words, k=rng.randint(1, 5))) for _ in range(1_000)] + ["", "?"]
    groups = group_alike(texts)
    assert sorted(index for group in groups for index in group) == list(range(len(texts)))
    assert [len(group) for group in groups] == sorted(map(len, groups), reverse=True)


def test_group_is_named_by_its_most_frequent_wording() -> None:
    assert spoken_for(["explain x", "What is X?", "what is  x?"]) == "What is X?"
    assert spoken_for(["first", "second"]) == "first"
