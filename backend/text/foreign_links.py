"""Takes out of a model's answer every address that its passages do not have. Pure.

A model may invent an address, or repeat one that somebody put into a question; an image would even
be fetched without a click. What the passages themselves link to stays.
"""

from __future__ import annotations

import re

from backend.text.sanitize import over_prose, strip_controls

LEFT_OUT = "(link left out)"

_SUSPECT = re.compile(r"//|\]\s*[(\[:]|www\.|<[a-zA-Z/!]|!\[|mailto:", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:a|audio|base|embed|form|iframe|image|img|link|meta|object|passages?|picture|script"
    r"|source|style|svg|track|video)\b[^<>]*+>?",
    re.IGNORECASE,
)
_LABEL = r"\[((?:[^\[\]]|\[[^\[\]]*+\])*+)\]"
_INLINE = re.compile(rf"(!?){_LABEL}\(\s*+<?([^()\s<>]*+(?:\([^()\s]*+\)[^()\s<>]*+)*+)>?[^()]*+\)")
_DEFINITION = re.compile(r"^[ \t>]*+\[[^\[\]\n]++\]:[^\n]*+\n?", re.MULTILINE)
_REFERENCE = re.compile(rf"(!?){_LABEL}\[(?!\d{{1,3}}\])[^\[\]\n]*+\]")
_ADDRESS = re.compile(
    r"<?(?:[a-z][a-z0-9+.\-]{1,20}:)?//[^\s<>\"'`]++>?|\bwww\.[^\s<>\"'`]++|\bmailto:[^\s<>]++",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d{1,3}")


def without_foreign_links(text: str, passages: str) -> str:
    """The answer without images, tags that link, and addresses that the passages do not have.

    A link becomes its label, an address without one a note; code stays byte for byte.
    """
    if _SUSPECT.search(text) is None:
        return text

    def known(address: str) -> bool:
        bare = address.strip("<>").rstrip(".,;:!?)")
        return len(bare) > 3 and bare in passages

    def link(match: re.Match[str]) -> str:
        picture, label, address = match.groups()
        if not picture and known(address):
            return match[0]
        return f"[{label}]" if _NUMBER.fullmatch(label) else label

    def reference(match: re.Match[str]) -> str:
        return f"[{match[2]}]" if _NUMBER.fullmatch(match[2]) else match[2]

    def change(prose: str) -> str:
        prose = _DEFINITION.sub("", _TAG.sub("", prose))
        prose = _REFERENCE.sub(reference, _INLINE.sub(link, _INLINE.sub(link, prose)))
        return _ADDRESS.sub(lambda m: m[0] if known(m[0]) else LEFT_OUT, prose)

    return over_prose(strip_controls(text), change)
