"""What is declared of a variable."""

from __future__ import annotations

from dataclasses import dataclass

from backend.variables.findings import Parser


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable.

    ``kind`` is its type in a word, ``default`` the text that stands in when it is not set ("" where
    something else decides), ``shown`` the default in the documentation's words, ``where`` a
    sentence on where its value comes from, with ``link``.
    """

    name: str
    kind: str
    parse: Parser
    used_for: str
    aliases: tuple[str, ...] = ()
    default: str = ""
    shown: str = ""
    without: str = ""
    where: str = ""
    link: str = ""
    example: str = ""
    secret: bool = False

    @property
    def attribute(self) -> str:
        """The name of the setting."""
        return self.name.lower()

    @property
    def names(self) -> tuple[str, ...]:
        """The name and the aliases, in the order in which they are looked at."""
        return (self.name, *self.aliases)
