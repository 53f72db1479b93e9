"""Accounts from their parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from backend.account_ports import AccountStore, KeySource
from backend.errors import NotConfigured
from backend.passwords import PasswordPool
from backend.services.accounts import Accounts
from backend.services.credentials import TokenSigner
from backend.services.identity import Identity
from backend.services.tokens import TokenVerifier


@dataclass(frozen=True, slots=True)
class AccountParts:
    """What accounts are made of.

    ``secret`` signs sessions; ``keys`` are those of a separate Better Auth server at ``issuer``.
    """

    store: Callable[[], Awaitable[AccountStore]]
    secret: str
    keys: KeySource | None = None
    issuer: str | None = None


def make_accounts(
    parts: AccountParts | NotConfigured,
    passwords: PasswordPool,
    exporters: Mapping[str, Callable[[str], Awaitable[object]]],
    before_delete: Callable[[], Awaitable[None]],
) -> Accounts | NotConfigured:
    """The accounts, or why there can be none.

    Args:
        parts: What they are made of.
        passwords: Hashes in threads.
        exporters: What other parts of the service hold about an account, by name.
        before_delete: Writes down what waits to be written, so that it is deleted as well.
    """
    if isinstance(parts, NotConfigured):
        return parts
    signer = TokenSigner(parts.secret)
    verifier = None
    if parts.keys is not None and parts.issuer is not None:
        verifier = TokenVerifier(parts.keys, parts.issuer)
    identity = Identity(parts.store, signer, verifier)
    return Accounts(
        parts.store,
        signer,
        passwords,
        identity,
        exporters=exporters,
        before_delete=before_delete,
    )
