"""Questions that lean on the ones before: which they are, and what they lean on. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backend.domain import Turn
from backend.text.stopwords import VAGUE
from backend.text.tokens import tokens

OWN_WORDS = 2
"""A question with fewer words of its own cannot stand alone."""
LONGEST = 80
"""Characters; a longer question brings its own words even where it says "it"."""

_LEANS = re.compile(
    r"^\s*(?:and|but|or|so|then|also|what about|how about|why\??$|aur)\b"
    r"|\b(?:it|its|they|them|their|this|that|these|those|he|she|one|ones|same|there)\b",
    re.IGNORECASE,
)


def is_follow_up(question: str) -> bool:
    """Whether the question may need the ones before it."""
    own = [token for token in tokens(question, query=True) if token.forms[:1]]
    firm = {token for token in own if token.forms[0] not in VAGUE}
    return len(firm) < OWN_WORDS or (len(question) <= LONGEST and bool(_LEANS.search(question)))


def with_context(question: str, history: Sequence[Turn]) -> str:
    """The question with the words of the reader's previous one, for a search without a model."""
    previous = next((turn.content for turn in reversed(history) if turn.role == "user"), "")
    return f"{question}\n{previous}" if previous else question
