"""A book of any size whose text is made up, and questions that it treats. Deterministic."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

NOUNS = (
    "actuator, bearing, camera, controller, encoder, filter, gearbox, gripper, gyroscope, joint, "
    "kernel, lidar, manipulator, matrix, message, motor, node, observer, odometer, planner, "
    "policy, publisher, quaternion, regulator, robot, scheduler, sensor, simulator, skeleton, "
    "spring, subscriber, tendon, topic, trajectory, transform, voxel, waypoint, wheel, winch, yaw"
).split(", ")
VERBS = (
    "aligns, blocks, calibrates, damps, delays, drives, estimates, follows, guides, holds, "
    "integrates, limits, measures, moves, observes, predicts, rejects, samples, smooths, tracks"
).split(", ")
ENDS = (
    "before the first step of the gait",
    "while the arm is close to a singular pose",
    "as long as the battery stays above twenty percent",
    "because friction grows with the temperature of the oil",
    "unless the operator has asked for a slow stop",
    "so that the error stays within two millimetres",
    "when the foot leaves the ground",
    "although the clock of the board drifts by a few microseconds",
)
CHUNKS_PER_CHAPTER = 40
PARAGRAPH_SENTENCES = 6


def write_book(folder: Path, chunks: int) -> Path:
    """Chapters that the product cuts into about ``chunks`` chunks."""
    source = random.Random(20)
    for number in range(max(1, chunks // CHUNKS_PER_CHAPTER)):
        path = folder / f"part{number // 100:03}" / f"chapter{number:05}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join(_chapter(source, number)) + "\n", encoding="utf-8")
    return folder


def question(number: int) -> str:
    """A question of its own for every number up to some hundred thousand."""
    source = random.Random(number)
    first, second, third = source.sample(NOUNS, 3)
    return (
        f"What {source.choice(VERBS)} the {first} {second} in unit U{number % 997} of the {third}?"
    )


def _chapter(source: random.Random, number: int) -> Iterator[str]:
    yield f"# Chapter {number}: the {source.choice(NOUNS)}"
    for section in range(CHUNKS_PER_CHAPTER // 2):
        yield f"## The {source.choice(NOUNS)} and the {source.choice(NOUNS)}, part {section}"
        for _ in range(2):
            yield " ".join(_sentence(source) for _ in range(PARAGRAPH_SENTENCES))


def _sentence(source: random.Random) -> str:
    subject, attribute, target = source.sample(NOUNS, 3)
    unit = f"U{source.randrange(997)}"
    return (
        f"The {attribute} {subject} of unit {unit} {source.choice(VERBS)} the {target} "
        f"{source.choice(ENDS)}."
    )
