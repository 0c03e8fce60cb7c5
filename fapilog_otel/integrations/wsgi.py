"""A middleware for servers that are not known here: what is logged in a request carries the trace of its caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapilog_otel.integrations._requests import REQUEST, RequestScope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class RequestContext:
    """A WSGI application that runs another one with the request's trace at hand.

    Args:
        app: WSGI application (PEP 3333).
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Handle one request."""
        if REQUEST.get() is not None:
            return self.app(environ, start_response)
        scope = RequestScope(environ.get("HTTP_TRACEPARENT"))
        with scope:
            body = self.app(environ, start_response)
        return body if isinstance(body, (list, tuple)) else _Body(body, scope)


class _Body:
    """A response that is made while it is read: each step in the request's scope."""

    def __init__(self, body: Iterable[bytes], scope: RequestScope) -> None:
        self._body = body
        self._scope = scope
        self._steps: Iterator[bytes] | None = None

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        with RequestScope(None, self._scope.trace):
            if self._steps is None:
                self._steps = iter(self._body)
            return next(self._steps)

    def close(self) -> None:
        """Close the application's response (PEP 3333)."""
        close = getattr(self._body, "close", None)
        if close is not None:
            with RequestScope(None, self._scope.trace):
                close()
