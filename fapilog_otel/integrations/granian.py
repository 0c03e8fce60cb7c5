"""granian: ``granian.access`` is written by the wrapper that its workers put around the application."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.integrations._access import tie_access_loggers
from fapilog_otel.integrations._requests import RequestScope, header

if TYPE_CHECKING:
    from types import ModuleType

    from fapilog_otel.integrations._patching import Action, Patches

ACCESS_LOGGERS: Final = ("granian.access",)


def actions(patches: Patches) -> dict[str, Action]:
    """Give what is done with each module.

    The names that the server modules have imported are covered, not those of ``granian.asgi``: by the time that an
    application calls ``configure()``, the former are bound and not used yet.
    """

    def cover(module: ModuleType) -> None:
        patches.cover(module, "_asgi_call_wrap", lambda original: _over_wrapper(original, _asgi))
        patches.cover(module, "_rsgi_call_wrap", lambda original: _over_wrapper(original, _rsgi))
        patches.cover(module, "_wsgi_call_wrap", lambda original: _over_wrapper(original, _wsgi))

    return {f"granian.server.{name}": cover for name in ("mp", "mt", "embed")}


def _over_wrapper(original: Any, around: Any) -> Any:
    def call_wrap(*args: Any, **kwargs: Any) -> Any:
        wrapped = original(*args, **kwargs)
        return functools.wraps(wrapped)(around(wrapped))

    return call_wrap


def _asgi(wrapped: Any) -> Any:
    async def call(scope: Any, proto: Any) -> Any:
        tie_access_loggers(ACCESS_LOGGERS)
        with RequestScope(header(scope.get("headers", ()))):
            return await wrapped(scope, proto)

    return call


def _rsgi(wrapped: Any) -> Any:
    async def call(scope: Any, proto: Any) -> Any:
        tie_access_loggers(ACCESS_LOGGERS)
        with RequestScope(scope.headers.get("traceparent")):
            return await wrapped(scope, proto)

    return call


def _wsgi(wrapped: Any) -> Any:
    def call(proto: Any, scope: Any) -> Any:
        tie_access_loggers(ACCESS_LOGGERS)
        with RequestScope(scope.get("HTTP_TRACEPARENT")):
            return wrapped(proto, scope)

    return call
