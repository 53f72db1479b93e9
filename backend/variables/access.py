"""Variables of accounts, origins and administration."""

from __future__ import annotations

from backend.variables.addresses import web_address
from backend.variables.base import Variable
from backend.variables.origins import origins
from backend.variables.values import passphrase, signing_secret

_RANDOM = "Make one: `python -c 'import secrets; print(secrets.token_urlsafe(48))'`."
_PYTHON = "https://docs.python.org/3/library/secrets.html"

ACCESS = (
    Variable(
        "BETTER_AUTH_SECRET",
        kind="secret",
        parse=signing_secret,
        used_for="sessions",
        aliases=("AUTH_SECRET", "JWT_SECRET"),
        shown="off a Space: one made and kept in DATA_DIR; on a Space: accounts answer 503",
        without="A secret is made and kept in DATA_DIR.",
        where=_RANDOM,
        link=_PYTHON,
        example="<48 random characters>",
        secret=True,
    ),
    Variable(
        "BETTER_AUTH_URL",
        kind="address",
        parse=web_address(),
        used_for="a separate Better Auth server whose tokens are accepted",
        shown="none: own accounts",
        without="Accounts are the service's own.",
        where="The address where that server is reached.",
        link="https://www.better-auth.com/docs/reference/options",
        example="https://auth.example.app",
    ),
    Variable(
        "DATA_ENCRYPTION_KEY",
        kind="secret",
        parse=passphrase,
        used_for="personal data at rest",
        shown="derived from BETTER_AUTH_SECRET",
        without="The key is derived from BETTER_AUTH_SECRET; one of its own can outlive it.",
        where=f"{_RANDOM} Old `ENC:` values need the key they were made with.",
        link=_PYTHON,
        example="<48 random characters>",
        secret=True,
    ),
    Variable(
        "DATA_ENCRYPTION_KEY_PREVIOUS",
        kind="secret",
        parse=passphrase,
        used_for="reading personal data while its key is replaced",
        shown="none",
        where=(
            "What DATA_ENCRYPTION_KEY was before (or BETTER_AUTH_SECRET, where that stood in); "
            "remove it after `python app.py rotate-keys`."
        ),
        link="https://cheatsheetseries.owasp.org/cheatsheets/Key_Management_Cheat_Sheet.html",
        example="<the key that was replaced>",
        secret=True,
    ),
    Variable(
        "CORS_ALLOWED_ORIGINS",
        kind="list",
        parse=origins,
        used_for="frontends on other addresses",
        aliases=("CORS_ORIGINS", "ALLOWED_ORIGINS", "FRONTEND_URL"),
        default="http://localhost:3000,http://localhost:3001",
        shown="http://localhost:3000, http://localhost:3001 and the Space's own https://SPACE_HOST",
        where=(
            "The addresses of your frontends: comma list or JSON; `https://*.example.app` "
            "matches one label."
        ),
        link="https://developer.mozilla.org/docs/Web/HTTP/Guides/CORS",
        example="https://book.example.app,https://*.example.app",
    ),
    Variable(
        "ADMIN_TOKEN",
        kind="secret",
        parse=passphrase,
        used_for="admin UI and routes",
        aliases=("ADMIN_PASSWORD",),
        shown=(
            "none: off a Space open to loopback callers only; on a Space nothing that "
            "changes or reveals anything"
        ),
        without="The admin routes are open to callers on this machine only.",
        where=_RANDOM,
        link=_PYTHON,
        example="<24 random characters>",
        secret=True,
    ),
)
