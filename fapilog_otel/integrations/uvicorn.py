"""uvicorn, alone and as gunicorn's worker: ``uvicorn.access`` is written in ``send()``, inside the application's call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.integrations._requests import RequestScope, header

if TYPE_CHECKING:
    from types import ModuleType

    from fapilog_otel.integrations._patching import Action, Patches

ACCESS_LOGGERS: Final = ("uvicorn.access",)


def actions(patches: Patches) -> dict[str, Action]:
    """Give what is done with each module."""

    def cover(module: ModuleType) -> None:
        patches.cover(module.RequestResponseCycle, "run_asgi", _over_run_asgi)

    return {f"uvicorn.protocols.http.{name}_impl": cover for name in ("h11", "httptools")}


def _over_run_asgi(original: Any) -> Any:
    async def run_asgi(self: Any, app: Any) -> Any:
        with RequestScope(header(self.scope["headers"])):
            return await original(self, app)

    return run_asgi
