"""A middleware for servers that are not known here: what is logged in a request carries the trace of its caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapilog_otel.integrations._requests import REQUEST, RequestScope, header

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping


class RequestContext:
    """An ASGI application that runs another one with the request's trace at hand.

    Args:
        app: ASGI application, version 3.
    """

    def __init__(self, app: Callable[..., Awaitable[Any]]) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket") or REQUEST.get() is not None:
            await self.app(scope, receive, send)
            return
        with RequestScope(header(scope["headers"])):
            await self.app(scope, receive, send)
