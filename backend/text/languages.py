"""Whether a question is in another language than the book. Pure."""

from __future__ import annotations

import re

from backend.text.evidence import asked
from backend.text.lexicon import Lexicon

FOREIGN_WORDS = 2
UNKNOWN_SHARE = 0.6

_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_OTHER = re.compile(r"[^\W\d_A-Za-zÀ-ɏ]")
_WORD = re.compile(r"[a-z']+")
_ROMAN_URDU = frozenset(
    """
    kya hai hain kaise kaisay kyun kyon kab kahan kaun konsa kaunsa aur ka ki ke ko mein par liye
    karna karte karta karti karen karein hota hoti hote banana banate banaye banayen tha thi thay
    raha rahi rahe sakta sakte sakti chahiye mujhe mujhay batao bataye bataiye samjhao nahi nahin
    hum tum aap yeh ye woh wo jo jab tak wala wali matlab kitna kitne kitni istemal
    """.split()
)
"""Function words of Urdu and Hindi in Latin script, without those that are English words."""


def is_foreign(question: str, lexicon: Lexicon) -> bool:
    """Whether the question's words can hardly be those of the book.

    By script, where most of its words are not in the book; or by function words of Urdu in Latin
    script that the book does not have. False where the book's words are not known.
    """
    if not lexicon:
        return False
    roman = {word for word in _WORD.findall(question.lower()) if word in _ROMAN_URDU}
    if len({word for word in roman if not lexicon.knows(word)}) >= FOREIGN_WORDS:
        return True
    others, latin = len(_OTHER.findall(question)), len(_LATIN.findall(question))
    if (others > latin) == lexicon.is_other_script or others == latin:
        return False
    words = asked(question).words
    unknown = sum(not any(map(lexicon.knows, word.token.terms)) for word in words)
    return bool(words) and unknown >= UNKNOWN_SHARE * len(words)
