"""Stand-ins for the ports of rewriting and insights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from backend.content_ports import DayCount, NotedAnswer, Window


class MemoryCache:
    """A cache in a dictionary; ``failure`` is raised."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.failure: Exception | None = None

    async def get(self, keys: Sequence[str]) -> dict[str, str]:
        if self.failure is not None:
            raise self.failure
        return {key: self.texts[key] for key in keys if key in self.texts}

    async def put(self, texts: Mapping[str, str], now: datetime) -> None:
        if self.failure is not None:
            raise self.failure
        self.texts |= texts


class MemoryFeedback:
    """Notes in a dictionary; ``failure`` is raised by every method."""

    def __init__(self) -> None:
        self.notes: dict[str, NotedAnswer] = {}
        self.failure: Exception | None = None
        self.batches: list[int] = []
        self.pruned: list[tuple[datetime, int]] = []

    async def note(self, answers: Sequence[NotedAnswer]) -> None:
        self._fail()
        self.batches.append(len(answers))
        for answer in answers:
            self.notes.setdefault(answer.message_id, answer)

    async def rate(self, message_id: str, rating: str, comment: str, now: datetime) -> bool:
        self._fail()
        if message_id not in self.notes:
            return False
        self.notes[message_id] = replace(
            self.notes[message_id], rating=rating, comment=comment, rated_at=now
        )
        return True

    async def window(self, since: datetime, *, newest: int, gaps: int, rated: int) -> Window:
        self._fail()
        known = [note for note in self.notes.values() if note.asked_at >= since][::-1]
        judged = [note for note in known if note.rating]
        votes = Counter(note.rating for note in judged)
        days = Counter(f"{note.asked_at:%Y-%m-%d}" for note in known)
        refused = sum(note.mode == "refused" for note in known)
        return Window(
            days=tuple(DayCount(day, n, refused, 0, 0) for day, n in days.items()),
            newest=tuple(known[:newest]),
            gaps=tuple(note for note in known if note.gaps)[:gaps],
            rated=tuple(judged[:rated]),
            ups=votes["up"],
            downs=votes["down"],
        )

    async def prune(self, before: datetime, keep: int) -> int:
        self._fail()
        self.pruned.append((before, keep))
        return 0

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
