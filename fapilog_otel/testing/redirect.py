"""For the length of a block everything that the process logs goes to one exporter, whatever is configured meanwhile.

::

    loggers, sources ──► façade ──► backend of the block ──► exporter
                            ┆
                            └┄┄┄ the backend from before, untouched, back in place afterwards
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fapilog_otel.bootstrap import configure
from fapilog_otel.bootstrap.facade import facade
from fapilog_otel.compat import api
from fapilog_otel.settings import load_settings
from fapilog_otel.sources.select import make_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fapilog_otel.bootstrap import Handle
    from fapilog_otel.contracts import Exporter
    from fapilog_otel.settings import Settings

_AFTERWARDS = 1.0  # seconds for what is left to be delivered, to memory


@contextmanager
def redirected(exporter: Exporter, arguments: Mapping[str, Any]) -> Iterator[None]:
    """Have everything delivered to an exporter alone.

    Args:
        exporter: Where to.
        arguments: Keywords of ``configure()``, over those of a bridge that is running.

    Raises:
        ConfigError: An argument cannot be used.
    """
    ours = {name: value for name, value in arguments.items() if name not in {"endpoint", "exporters"}}
    # ``fapilog_otel.bootstrap.configure`` is the function; its module keeps the current handle.
    module = import_module("fapilog_otel.bootstrap.configure")
    state = _Before(module)
    _intercept(module, exporter, state)
    try:
        if state.handle is None:
            state.own = configure(
                settings=load_settings({"handle_sigterm": False, **ours, "disabled": False}, environ={})
            )
        else:
            settings = load_settings({**ours, "settings": state.handle.settings, "disabled": False})
            state.replace_sources(settings if ours else None)
            facade().attach(settings)
        yield
    finally:
        state.restore()


class _Before:
    """What was there before the block, and how to bring it back.

    Args:
        module: The module of ``configure()``.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        self._facade = {name: value for name, value in vars(facade()).items() if name != "_observed"}  # a meter stays
        self._reusable = module._reusable  # noqa: SLF001 - the bridge has no public way to be set aside
        self._global = api.current_logger_provider()
        self._replaced_sources = False
        current = module._Current.handle  # noqa: SLF001
        self.handle: Handle | None = None if current is None or current.closed else current
        self.own: Handle | None = None
        self._settings: Settings | None = None

    def reusable(self, settings: Settings) -> Handle | None:
        """Let code in the block call ``configure()``: our own handle makes room for its."""
        if self.own is not None and not self.own.closed:
            self.own.shutdown(_AFTERWARDS)
        found: Handle | None = self._reusable(settings)
        return found

    def replace_sources(self, settings: Settings | None) -> None:
        """Install the sources of the handle from before anew, with other settings."""
        if settings is None or self.handle is None:
            return
        self._replaced_sources = True
        installed = self.handle._sources  # noqa: SLF001
        for source in installed:
            source.uninstall()
        installed[:] = [source.install(facade()) for source in make_sources(settings)]

    def restore(self) -> None:
        """End the backend of the block and bring back what was there before."""
        provider = facade()
        current = self._module._Current.handle  # noqa: SLF001
        if current is not None and current is not self.handle:
            current.shutdown(_AFTERWARDS)
        provider.shutdown(_AFTERWARDS * 1000)
        vars(provider).pop("attach", None)
        vars(provider).update(self._facade)
        provider._resolver.forget()  # noqa: SLF001 - its scopes name the resource of the block
        provider._point_port()  # noqa: SLF001
        self._module._reusable = self._reusable  # noqa: SLF001
        self._restore_handle()
        if self._global is None and api.current_logger_provider() is provider:
            _forget_global_provider()

    def _restore_handle(self) -> None:
        handle = self.handle
        if handle is None:
            return
        if handle.closed:  # by code in the block; what it would have closed is closed now
            facade().shutdown(_AFTERWARDS * 1000)
            return
        self._module._Current.handle = handle  # noqa: SLF001
        if self._replaced_sources:
            self.replace_sources(handle.settings)


def _intercept(module: Any, exporter: Exporter, state: _Before) -> None:
    provider = facade()
    attach = provider.attach

    def attach_redirected(settings: Settings, resource: Any = None) -> None:
        on_full = "drop" if settings.on_full == "spill" else settings.on_full
        changes = {"exporters": {"capture": exporter}, "spool": None, "on_full": on_full}
        attach(settings.model_copy(update=changes), resource)

    vars(provider)["attach"] = attach_redirected
    module._reusable = state.reusable  # noqa: SLF001


def _forget_global_provider() -> None:
    """Let the global logger provider be set again, as OpenTelemetry's own tests do: another test may need its own."""
    internal: Any = sys.modules["opentelemetry._logs._internal"]
    internal._LOGGER_PROVIDER = None  # noqa: SLF001
    internal._LOGGER_PROVIDER_SET_ONCE = type(internal._LOGGER_PROVIDER_SET_ONCE)()  # noqa: SLF001
