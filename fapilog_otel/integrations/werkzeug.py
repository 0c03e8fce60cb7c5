"""werkzeug, the server of ``flask run``: the logger ``werkzeug`` gets the request line when the first byte is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.integrations._access import tie_access_loggers
from fapilog_otel.integrations._requests import RequestScope

if TYPE_CHECKING:
    from types import ModuleType

    from fapilog_otel.integrations._patching import Action, Patches

ACCESS_LOGGERS: Final = ("werkzeug",)


def actions(patches: Patches) -> dict[str, Action]:
    """Give what is done with each module."""

    def cover(module: ModuleType) -> None:
        patches.cover(module.WSGIRequestHandler, "run_wsgi", _over_run_wsgi)

    return {"werkzeug.serving": cover}


def _over_run_wsgi(original: Any) -> Any:
    def run_wsgi(self: Any) -> Any:
        tie_access_loggers(ACCESS_LOGGERS)
        with RequestScope(self.headers.get("traceparent")):
            return original(self)

    return run_wsgi
