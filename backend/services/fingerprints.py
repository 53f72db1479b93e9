"""A mark for each secret, by which two deployments can be compared without seeing either's secrets.

A mark tells 24 bits of a slow, salted hash: enough to see that two secrets differ, too little to
find one. Whoever guesses a weak secret pays for every guess, and one guess in 16 million fits by
chance; what is too short to withstand even that gets no mark.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from pydantic import SecretStr

from backend.settings import Settings
from backend.variables import VARIABLES

SHORTEST = 12
"""Characters below which a secret has no mark."""
_DIGITS = 6
_DOMAIN = b"book-answers fingerprint 1|"
_N, _R, _P = 1 << 14, 8, 1
"""scrypt's cost: 16 MB and some 40 ms for each guess."""


def fingerprints(settings: Settings) -> dict[str, str]:
    """The marks by variable, as ``3fa 91c``; ``too short`` where there is none. Blocking, once.

    Only secrets that are used have an entry; one that another stands in for has its own mark.
    """
    marks: dict[str, str] = {}
    for variable in VARIABLES:
        value = getattr(settings, variable.attribute)
        if variable.secret and isinstance(value, SecretStr):
            marks[variable.name] = _mark(variable.name, value)
    return marks


@lru_cache(maxsize=64)
def _mark(name: str, secret: SecretStr) -> str:
    text = secret.get_secret_value()
    if len(text) < SHORTEST:
        return "too short"
    # Salted by the variable, so that one table of guesses does not serve for all.
    digest = hashlib.scrypt(
        text.encode("utf-8", "surrogatepass"),
        salt=_DOMAIN + name.encode(),
        n=_N,
        r=_R,
        p=_P,
        dklen=(_DIGITS + 1) // 2,
    ).hex()
    return f"{digest[:3]} {digest[3:_DIGITS]}"
