"""Django: ``django.server`` is written when the response is closed, ``django.request`` after the last middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.integrations._access import tie_access_loggers
from fapilog_otel.integrations._requests import RequestScope

if TYPE_CHECKING:
    from types import ModuleType

    from fapilog_otel.integrations._patching import Action, Patches

ACCESS_LOGGERS: Final = ("django.server", "django.request")


def actions(patches: Patches) -> dict[str, Action]:
    """Give what is done with each module."""

    def cover(module: ModuleType) -> None:
        patches.cover(module.ServerHandler, "run", _over_run)

    return {"django.core.servers.basehttp": cover}


def _over_run(original: Any) -> Any:
    def run(self: Any, application: Any) -> Any:
        tie_access_loggers(ACCESS_LOGGERS)
        with RequestScope(self.request_handler.headers.get("traceparent")):
            return original(self, application)

    return run
