"""Accounts and sessions as they go out; times as ``YYYY-MM-DDTHH:MM:SS.mmmZ``."""

from __future__ import annotations

from typing import Any

from backend.clock import iso_ms
from backend.services.accounts import Accounts, Current, Session, SignedIn, User

_PROFILE = ("technical_background", "hardware_access", "learning_goals")


def user_view(user: User) -> dict[str, Any]:
    """Better Auth's user with its additional fields."""
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "emailVerified": user.email_verified,
        "image": user.image,
        "createdAt": iso_ms(user.created_at),
        "updatedAt": iso_ms(user.updated_at),
        "proficiency": user.proficiency,
        **profile_view(user),
    }


def profile_view(user: User) -> dict[str, str | None]:
    """The fields of the profile, null where nothing was saved."""
    return {name: (user.profile or {}).get(name) for name in _PROFILE}


def session_view(session: Session, token: str) -> dict[str, Any]:
    """Better Auth's session."""
    return {
        "id": session.id,
        "token": token,
        "userId": session.user_id,
        "expiresAt": iso_ms(session.expires_at),
        "createdAt": iso_ms(session.created_at),
        "updatedAt": iso_ms(session.updated_at),
        "ipAddress": session.ip_address,
        "userAgent": session.user_agent,
    }


def signed_in_view(accounts: Accounts, signed_in: SignedIn) -> dict[str, Any]:
    """What sign-up and sign-in answer, for every client at once."""
    token = signed_in.session.token or ""
    session = session_view(signed_in.session, token)
    access = {"accessToken": accounts.access_token(signed_in), "tokenType": "bearer"}
    return {"token": token, "user": user_view(signed_in.user), "session": session | access}


def current_view(accounts: Accounts, current: Current, bearer: str | None) -> dict[str, Any]:
    """What get-session answers. A foreign server's token is given back as it came."""
    token = current.session.token or ""
    if current.source.is_foreign:
        access = bearer or token
    else:
        access = accounts.access_token(SignedIn(current.session, current.user))
    session = session_view(current.session, token)
    return {
        "session": session | {"accessToken": access, "tokenType": "bearer"},
        "user": user_view(current.user),
    }


def sessions_view(sessions: list[Session], current: Current) -> list[dict[str, Any]]:
    """Every session; only the caller's own shows its token, the others their id in its place."""
    own = current.session
    return [
        session_view(session, (own.token or "") if session.id == own.id else session.id)
        for session in sessions
    ]
