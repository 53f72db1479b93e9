"""Whether what a model says stands in the passages that it cites: a cheap check. Pure.

Looks at the numbers and the key terms of each sentence. It does not understand either text, so it
speaks only where little of a sentence is to be found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from backend.text.citations import MARK
from backend.text.evidence import Prepared, asked, prepare
from backend.text.passages import pieces
from backend.text.stopwords import VAGUE

ENOUGH = 0.3
"""Share of a sentence's terms that its passages must have: a paraphrase keeps technical ones."""
FEWEST_TERMS = 4
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*")
_ORDINAL = re.compile(r"^\s*\d{1,3}[.)]\s")
_DIGITS = re.compile(r"\d+")
_SCRIPT = re.compile(r"[^\W\d_a-zA-ZÀ-ɏ]")


def unsupported(text: str, passages: Mapping[int, str]) -> list[str]:
    """The sentences of an answer that their passages do not bear out.

    Args:
        text: The answer with its marks.
        passages: Text of each passage that the model was shown, by number.

    Returns:
        Sentences without their marks. One without a mark is held against all passages that the
        answer cites; one that shares no script with them is left alone, because a translation
        keeps no word.
    """
    cited = {int(n) for group in MARK.findall(text) for n in _DIGITS.findall(group)}
    known = {number: passages[number] for number in cited if number in passages}
    if not known:
        return []
    whole = prepare(known.values())
    found = []
    for piece in pieces(text):
        own = [int(n) for group in MARK.findall(piece.text) for n in _DIGITS.findall(group)]
        sentence = MARK.sub("", piece.text).strip()
        held = prepare(known[n] for n in own if n in known) or whole
        if piece.kind in ("sentence", "item") and not _is_borne_out(sentence, held):
            found.append(" ".join(sentence.split()))
    return found


def _is_borne_out(sentence: str, passage: Prepared) -> bool:
    if _SCRIPT.search(sentence) and not _SCRIPT.search(passage):
        return True
    if any(number not in passage for number in _NUMBER.findall(_without_ordinal(sentence))):
        return False
    words = asked(sentence, lambda token: 0.0 if token.forms[:1] and token.forms[0] in VAGUE else 1)
    return words.total < FEWEST_TERMS or words.covered(passage, ENOUGH)


def _without_ordinal(sentence: str) -> str:
    """The sentence without the number that a list gives it."""
    return _ORDINAL.sub("", sentence)
