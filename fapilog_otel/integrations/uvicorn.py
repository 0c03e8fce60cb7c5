"""uvicorn, alone and as gunicorn's worker: ``uvicorn.access`` is written in ``send()``, inside the application's call.

And its end: it takes SIGTERM before it loads the application, so that a ``configure()`` in there finds the signal
handled; when all is served it restores what was there before, mostly the default action, and raises the signal again.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.integrations._access import tie_access_loggers
from fapilog_otel.integrations._requests import RequestScope, header

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from fapilog_otel.integrations._patching import Action, Patches

ACCESS_LOGGERS: Final = ("uvicorn.access",)


def actions(patches: Patches) -> dict[str, Action]:
    """Give what is done with each module."""

    def cover(module: ModuleType) -> None:
        patches.cover(module.RequestResponseCycle, "run_asgi", _over_run_asgi)

    def cover_signals(module: ModuleType) -> None:
        signals = _Signals(module.signal, patches.last_words)
        patches.replace(module, "signal", signals)

    protocols: dict[str, Action] = {f"uvicorn.protocols.http.{name}_impl": cover for name in ("h11", "httptools")}
    return {**protocols, "uvicorn.server": cover_signals}


def _over_run_asgi(original: Any) -> Any:
    async def run_asgi(self: Any, app: Any) -> Any:
        tie_access_loggers(ACCESS_LOGGERS)
        with RequestScope(header(self.scope["headers"])):
            return await original(self, app)

    return run_asgi


class _Signals:
    """The module ``signal`` as uvicorn sees it.

    Args:
        module: The module itself.
        last_words: Called before the process dies of a signal that nobody handles.
    """

    def __init__(self, module: Any, last_words: Callable[[], object]) -> None:
        self._module = module
        self._last_words = last_words

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def raise_signal(self, number: int) -> None:
        """Raise a signal; where its default action would end the process, what is pending is delivered first."""
        if number == signal.SIGTERM and signal.getsignal(number) == signal.SIG_DFL:
            self._last_words()
        self._module.raise_signal(number)
