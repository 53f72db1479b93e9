"""Who asks a question: a reader with an account, or anybody."""

from __future__ import annotations

from backend.domain import Principal
from backend.errors import AppError
from backend.services.accounts import Accounts
from backend.services.credentials import Shown
from backend.services.time_limits import within

IDENTIFY_S = 7.0
"""A database that wakes up needs up to this long; a question waits no longer to be signed in."""


async def identify(accounts: Accounts, shown: Shown, address: str) -> Principal:
    """Who asks; without a valid credential anonymous, which is no obstacle to an answer.

    Never raises: where the credential cannot be judged, the principal says so.
    """
    if shown.bearer is None and shown.cookie is None:
        return Principal(address=address)
    try:
        with within(IDENTIFY_S):
            current = await accounts.current(shown)
    except AppError:
        return Principal(address=address, unidentified=True)
    return Principal(user_id=current.user.id if current else None, address=address)
