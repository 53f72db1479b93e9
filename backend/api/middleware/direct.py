"""The short way to the routes that questions take."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.api.body import QuestionRoute
from backend.api.errors import on_app_error
from backend.errors import AppError
from backend.turns import TURNS


class Direct:
    """Calls a question's handler; what it does not know goes the usual way.

    Left out are the framework's search for a route, its exit stacks and its wrappers around every
    piece that is sent.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._known = {
            (method, route.path): (route, route.get_route_handler())
            for route in routes
            if isinstance(route, QuestionRoute)
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or run the app."""
        known = scope["type"] == "http" and self._known.get((scope["method"], scope["path"]))
        if not known:
            await self._app(scope, receive, send)
            return
        scope["route"], handle = known
        await TURNS.take()
        request = Request(scope, receive, send)
        try:
            response = await handle(request)
        except AppError as error:
            response = await on_app_error(request, error)
        await response(scope, receive, send)
