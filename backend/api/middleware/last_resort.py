"""The innermost layer: what nobody expected becomes a 500 that still passes all other layers."""

from __future__ import annotations

import logging

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.errors import error_response
from backend.errors import AppError

log = logging.getLogger(__name__)


class LastResort:
    """Turns an unexpected exception into our 500, inside the CORS layer: browsers may read it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app; once a response has begun, an exception can only end the connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except ClientDisconnect:
            log.debug("client left while sending its body")
        except Exception as error:  # the last resort: a caller gets a sentence, the log the rest
            if started:
                raise
            log.exception("request failed")
            response = error_response(error if isinstance(error, AppError) else AppError())
            await response(scope, receive, send)
