"""A small book on robots, with a reader's month, for pictures of the page."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from backend.content_ports import Gap, NotedAnswer

CHAPTERS = {
    "intro.md": (
        "---\ntitle: Introduction\n---\n\nThis book shows how software moves robots: from the "
        "first node to a humanoid that walks through a room.\n"
    ),
    "ros2/nodes.md": (
        "---\ntitle: Nodes\n---\n\n## What is a node?\n\nA node is a process that does one job, "
        "such as reading a camera or driving a motor. Nodes are started and stopped on their own, "
        "so that one that fails takes no other with it.\n\n## Starting a node\n\nCall "
        "`rclpy.init()` before you create a node, and `rclpy.shutdown()` when it has ended.\n\n"
        "```python\nimport rclpy\n\nrclpy.init()\nnode = rclpy.create_node('talker')\n```\n"
    ),
    "ros2/topics.md": (
        "---\ntitle: Topics\n---\n\n## What is a topic?\n\nA topic is a named channel on which "
        "nodes exchange messages. A node that publishes does not know who listens, and any number "
        "of nodes may subscribe to the same topic. Every message of a topic has the same type.\n\n"
        "## Publishing from a timer\n\nA node publishes at a fixed rate when a timer calls it. "
        "Create the publisher once, and let the timer send:\n\n```python\npublisher = "
        "node.create_publisher(String, 'chatter', 10)\nnode.create_timer(0.5, lambda: "
        "publisher.publish(String(data='hello')))\n```\n\n## Quality of service\n\nThe default "
        "history depth of a topic is 10 messages. A late subscriber gets older messages only where "
        "durability is set to transient local; see [Nodes](nodes.md).\n"
    ),
    "simulation/gazebo.md": (
        "---\ntitle: Gazebo\n---\n\n## How physics is stepped\n\nGazebo steps its physics engine "
        "at a fixed rate, by default 1,000 times a second. A step computes contacts and joint "
        "forces before sensors are read.\n\n## Sensors\n\nA camera is rendered at 30 frames a "
        "second, whatever the rate of physics.\n"
    ),
    "simulation/isaac.md": (
        "---\ntitle: Isaac Sim\n---\n\n## When to use it\n\nIsaac Sim renders with ray tracing, so "
        "it fits where a robot learns from pictures. It needs a graphics card with 8 GB.\n"
    ),
    "humanoids/balance.md": (
        "---\ntitle: Balance\n---\n\n## The zero moment point\n\nA humanoid stands as long as its "
        "zero moment point lies inside the polygon of its feet. A walking controller plans the "
        "next step so that it stays there.\n"
    ),
}
QUESTION = "What is a topic, and how does a node publish to it?"
_TOPIC = "A topic is a named channel on which nodes exchange messages."
_UNKNOWN = "A node that publishes does not know who listens"
_TIMER = "A node publishes at a fixed rate when a timer calls it."


def reply(messages: Sequence[Any]) -> str:
    """What a careful model answers to :data:`QUESTION`: the book's own sentences, cited."""
    passages = str(messages[-1]["content"]).split('<passage n="')[1:]

    def cited(sentence: str) -> str:
        found = (part.partition('"')[0] for part in passages if sentence in part)
        return f"[{next(found, '1')}]"

    return (
        f"{_TOPIC[:-1]} {cited(_TOPIC)}. {_UNKNOWN}, and any number of nodes may subscribe to the "
        f"same topic {cited(_UNKNOWN)}.\n\n{_TIMER[:-1]} {cited(_TIMER)}: create the publisher "
        "once, and let the timer send.\n\n```python\npublisher = node.create_publisher(String, "
        "'chatter', 10)\nnode.create_timer(0.5, lambda: publisher.publish(String(data='hello')))\n"
        "```\n"
    )


_ASKED = (
    ("What is a topic?", 9, None), ("How do I start a node?", 7, None),
    ("How does Gazebo simulate physics?", 6, None), ("What is the zero moment point?", 4, None),
    ("When do I need Isaac Sim?", 3, None), ("Which battery is best for a humanoid?", 4, "refused"),
    ("Which battery should I buy for a humanoid?", 2, "refused"),
    ("How do I calibrate a depth camera?", 3, "refused"), ("Why does my robot fall?", 2, "unsure"),
)  # fmt: skip
_COMMENTS = {
    "Why does my robot fall?": ("down", "It names the reason, but not what to change."),
    "How do I start a node?": ("up", "Exactly what I needed."),
    "What is a topic?": ("up", ""),
    "When do I need Isaac Sim?": ("up", "Short, and with the page to read on."),
}


def month(now: datetime, *, priced: bool = True) -> list[NotedAnswer]:
    """Thirty days of questions that grow in number; the same for the same ``now``."""
    chance = random.Random(7)
    texts = [asked for asked in _ASKED for _ in range(asked[1])]
    notes, commented = [], set[str]()
    for back in range(30, 0, -1):
        for _ in range(chance.randrange(3, 6 + (30 - back) // 3)):
            question, _, weak = chance.choice(texts)
            refused = weak == "refused"
            rating, comment = _COMMENTS.get(question, (None, ""))
            rated = rating is not None and chance.random() < 0.25
            comment = comment if rated and question not in commented else ""
            commented |= {question} if comment else set()
            at = now - timedelta(days=back, seconds=chance.randrange(40_000))
            tokens = 0 if refused else chance.randrange(700, 1_500)
            notes.append(
                NotedAnswer(
                    str(UUID(int=chance.getrandbits(128))), at, question,
                    "refused" if refused else "generated", chance.random() < 0.03,
                    0.3 if weak else 0.9, 60 if refused else chance.lognormvariate(7.1, 0.35),
                    tokens, {"refused": Gap.REFUSED, "unsure": Gap.UNSURE}.get(weak or ""),
                    rating if rated else None, comment, at if rated else None,
                    tokens * 2.4e-7 if priced else None,
                )
            )  # fmt: skip
    return notes
