"""What comes with a request to the account routes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """The device that asks: its address as the service knows it, and what it calls itself."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class SignUp:
    """A new account; ``remember`` is False for a session that ends with the browser."""

    email: str
    password: str
    name: str | None = None
    proficiency: str | None = None
    image: str | None = None
    remember: bool = True
