"""gunicorn: ``gunicorn.access`` is written after the application's call, in the function that made it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.integrations._access import tie_access_loggers
from fapilog_otel.integrations._requests import RequestScope, header

if TYPE_CHECKING:
    from types import ModuleType

    from fapilog_otel.integrations._patching import Action, Patches

ACCESS_LOGGERS: Final = ("gunicorn.access",)

_KEPT: Final = "_fapilog_otel_request"

# Module, class, method, and which of its arguments (the instance is 0) is the parsed request.
_METHODS: Final = (
    ("gunicorn.workers.sync", "SyncWorker", "handle_request", 2),
    ("gunicorn.workers.gthread", "ThreadWorker", "handle_request", 1),
    ("gunicorn.workers.gthread", "ThreadWorker", "handle_http2_request", 1),
    ("gunicorn.workers.base_async", "AsyncWorker", "handle_request", 2),
    ("gunicorn.workers.base", "Worker", "handle_error", 1),
    ("gunicorn.asgi.protocol", "ASGIProtocol", "_handle_http_request", 1),
    ("gunicorn.asgi.protocol", "ASGIProtocol", "_handle_http2_request", 1),
)


def actions(patches: Patches) -> dict[str, Action]:
    """Give what is done with each module."""

    def cover(module: ModuleType) -> None:
        for name, kind, method, place in _METHODS:
            owner = getattr(module, kind, None) if name == module.__name__ else None
            if owner is not None:
                make = _over_coroutine if name.endswith("protocol") else _over_method
                patches.cover(owner, method, functools.partial(make, place=place))

    return {name: cover for name, *_ in _METHODS}


def _over_method(original: Any, place: int) -> Any:
    def method(*args: Any, **kwargs: Any) -> Any:
        with _scope(args, place):
            return original(*args, **kwargs)

    return method


def _over_coroutine(original: Any, place: int) -> Any:
    async def method(*args: Any, **kwargs: Any) -> Any:
        with _scope(args, place):
            return await original(*args, **kwargs)

    return method


def _scope(args: tuple[Any, ...], place: int) -> RequestScope:
    """Give the scope of a request; one that was begun before goes on (``handle_error`` comes after the failed call)."""
    tie_access_loggers(ACCESS_LOGGERS)
    request = args[place] if len(args) > place else None
    scope = RequestScope(header(getattr(request, "headers", None) or ()), getattr(request, _KEPT, None))
    if request is not None and hasattr(request, "__dict__"):
        setattr(request, _KEPT, scope.trace)
    return scope
