"""All integrations together: installed once a process, for servers that are there or come later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel.integrations import celery, django, granian, gunicorn, uvicorn, werkzeug
from fapilog_otel.integrations._access import untie_access_loggers
from fapilog_otel.integrations._patching import ImportWatch, Patches

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.integrations._patching import Action

_ALL = (uvicorn, gunicorn, granian, werkzeug, django, celery)


class Integrations:
    """The installed integrations.

    Args:
        last_words: See `install`.
    """

    def __init__(self, last_words: Callable[[], object]) -> None:
        self._patches = Patches(last_words)
        actions: dict[str, Action] = {}
        for module in _ALL:
            actions.update(module.actions(self._patches))
        self._watch = ImportWatch(actions)

    def install(self) -> None:
        """Cover the servers' request functions, which tie the access loggers."""
        self._watch.install()

    def uninstall(self) -> None:
        """Put everything back; a second call does nothing."""
        self._watch.uninstall()
        self._patches.undo()
        untie_access_loggers()


def install(last_words: Callable[[], object]) -> Integrations:
    """Install all integrations.

    Args:
        last_words: Delivers what is pending, for servers that end the process without running Python's exit.

    Returns:
        A handle with ``uninstall()``.
    """
    made = Integrations(last_words)
    made.install()
    return made
