"""Who may see the UI, decided anew for every request and every handler."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from backend.domain import Principal
from backend.errors import NotSignedIn
from backend.services.admin import AdminGate
from backend.services.callers import client_address
from ui.incoming import Scope, credentials


class _Request(Protocol):
    @property
    def scope(self) -> Any: ...


class _Event(Protocol):
    """``gr.Request``, without importing Gradio."""

    @property
    def request(self) -> _Request | None: ...


class Access(StrEnum):
    """What a caller may see."""

    ADMIN = "admin"
    """Showed the token or its cookie."""
    LOCAL = "local"
    """Sits at this machine while no token is set; may do what an admin may."""
    VISITOR = "visitor"
    """On a Space without a token: may chat and read the diagnostics, nothing else."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks; ``address`` is the client's, normalised."""

    access: Access
    address: str

    @property
    def principal(self) -> Principal:
        """The caller as the services know it."""
        return Principal(address=self.address, is_admin=self.access is not Access.VISITOR)


class Doorman:
    """Tells callers apart by what they show."""

    def __init__(self, gate: AdminGate, *, on_space: bool) -> None:
        self.gate = gate
        self._on_space = on_space

    @property
    def open_to_visitors(self) -> bool:
        """Whether this is a Space without a token: everybody may chat, nobody may change."""
        return self._on_space and not self.gate.configured

    def admit(self, scope: Scope) -> Caller:
        """The caller of a request.

        Raises:
            NotSignedIn, Forbidden, RateLimited: see AdminGate.
        """
        if self.open_to_visitors:
            return Caller(Access.VISITOR, client_address(scope))
        shown = credentials(scope)
        self.gate.admit(shown)
        return Caller(Access.ADMIN if self.gate.configured else Access.LOCAL, shown.address)

    def admit_event(self, event: _Event) -> Caller:
        """The caller of a handler, by the request that queued it; raises like :meth:`admit`."""
        if event.request is None:
            raise NotSignedIn("This did not come from a browser.")
        return self.admit(event.request.scope)

    def recognise(self, scope: Scope) -> str | None:
        """A name for the caller, or None: the second lock, which Gradio itself asks.

        Synchronous on purpose: an asynchronous one was once never awaited and let everybody in.
        """
        if self.open_to_visitors:
            return Access.VISITOR.value
        shown = credentials(scope)
        if not self.gate.configured:
            return Access.LOCAL.value if shown.direct_loopback and shown.own_site else None
        known = self.gate.check_cookie(shown.cookie) and shown.own_site
        if known or sum(map(self.gate.check_token, shown.tokens)):
            return Access.ADMIN.value
        return None
