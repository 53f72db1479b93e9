"""Readers with accounts, each from an address of its own: the limits per address stay on."""

from __future__ import annotations

import asyncio
import json

from tests.bench.load import NUMBERS, Ask, connect, request

PASSWORD = "a-bench-password"
BASE = "/api/auth"


def _from(number: int) -> str:
    return f"x-forwarded-for: 198.18.{number // 250 % 250}.{number % 250}\r\n"


def _sign_up(number: int) -> bytes:
    body = {
        "name": f"Reader {number}",
        "email": f"reader{number}@example.com",
        "password": PASSWORD,
    }
    return request("POST", f"{BASE}/sign-up/email", json.dumps(body).encode(), _from(number))


async def sign_up(port: int, count: int) -> list[str]:
    """Make accounts; their bearer tokens."""
    ask, tokens = Ask(port, _sign_up, must=b'"token"'), []
    for number in range(count):
        connection = await connect(ask)
        tokens.append(json.loads(await connection.send(_sign_up(number)))["token"])
        connection.close()
    return tokens


def sign_in(port: int, accounts: int) -> Ask:
    """Sign in as one account after the other."""

    def make(number: int) -> bytes:
        body = {"email": f"reader{number % accounts}@example.com", "password": PASSWORD}
        return request("POST", f"{BASE}/sign-in/email", json.dumps(body).encode(), _from(number))

    return Ask(port, make, must=b'"token"')


def signed_in(ask: Ask, token: str) -> Ask:
    """The same questions with a bearer token: they go into this reader's history."""

    def make(number: int) -> bytes:
        head, separator, rest = ask.make(number).partition(b"\r\n")
        return head + separator + b"authorization: Bearer " + token.encode() + b"\r\n" + rest

    return Ask(ask.port, make, ask.must, ask.first, ask.status, ask.timeout_s)


async def begin(ask: Ask, count: int) -> list[str]:
    """Begin so many conversations; their ids."""

    async def one() -> str:
        connection = await connect(ask)
        answer = json.loads(await connection.send(ask.make(NUMBERS.take())))
        connection.close()
        return str(answer["session_id"])

    return await asyncio.gather(*(one() for _ in range(count)))


def sessions(port: int) -> Ask:
    """The first page of a reader's conversations."""
    return Ask(port, lambda n: request("GET", "/api/chat/sessions?limit=20"), must=b'"total"')
