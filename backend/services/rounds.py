"""One question of a conversation on its way, with what is known of its answer so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import StringIO
from uuid import uuid4

from backend.conversation_ports import Claim, Exchange
from backend.domain import Answer, Citation, Principal, Question
from backend.services.answer_records import clean, source_names
from backend.services.conversations import title_of
from backend.services.replays import Replays


@dataclass(slots=True)
class Round:
    """A question with the ids that its messages will have.

    Without a claim the ids are made when the pair is stored, or the answer brings its own.
    ``notes`` are sentences on why the answer is less than it could be; ``wanted`` is the
    conversation that the caller named.
    """

    question: Question
    asker: Principal
    claim: Claim | None
    question_id: str
    answer_id: str
    notes: list[str] = field(default_factory=list)
    written: StringIO = field(default_factory=StringIO)
    citations: tuple[Citation, ...] = ()

    @classmethod
    def of(
        cls, question: Question, asker: Principal, claim: Claim | None, notes: list[str]
    ) -> Round:
        """A new round; with a claim its ids are those of every attempt at the same request."""
        # an anonymous caller has no conversations, whatever id comes along
        wanted = question.session_id if asker.user_id or asker.unidentified else None
        return cls(
            question=question
            if question.session_id == wanted
            else replace(question, session_id=wanted),
            asker=asker,
            claim=claim,
            question_id=Replays.id_of(claim, "question") if claim else "",
            answer_id=Replays.id_of(claim, "answer") if claim else "",
            notes=notes,
        )

    @property
    def wanted(self) -> str | None:
        """The conversation that the question is meant to continue."""
        return self.question.session_id

    def cut(self) -> tuple[str, list[Citation]]:
        """What has been said so far, and what of the sources it cites."""
        text = self.written.getvalue().strip()
        return text, [citation for citation in self.citations if f"[{citation.n}]" in text]

    def noted(self, answer: Answer) -> Answer:
        """The answer with the notes."""
        if not self.notes:
            return answer
        sentences = [*([answer.degraded] if answer.degraded else []), *self.notes]
        return replace(answer, degraded=" ".join(sentences) or None)

    def exchange(
        self, text: str, citations: Sequence[Citation], status: str, at: datetime
    ) -> Exchange:
        """The pair to be stored for its asker, who is not anonymous."""
        assert self.asker.user_id is not None
        self.question_id = self.question_id or str(uuid4())
        self.answer_id = self.answer_id or str(uuid4())
        return Exchange(
            user_id=self.asker.user_id,
            session_id=self.wanted,
            new_session_id=str(uuid4()),
            title=title_of(self.question.text),
            question_id=self.question_id,
            answer_id=self.answer_id,
            question=clean(self.question.text),
            selected_text=clean(self.question.selected_text) or None,
            answer=clean(text),
            sources=source_names(citations),
            citations=citations,
            status=status,
            at=at,
        )
