"""The one line that users write, and the state it leaves: one permanent provider, at most one handle."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from fapilog_otel.assembly import named_resource
from fapilog_otel.bootstrap.attach import become_global
from fapilog_otel.bootstrap.facade import facade
from fapilog_otel.bootstrap.handle import Handle
from fapilog_otel.bootstrap.signals import TermHandler
from fapilog_otel.bootstrap.uwsgi import follow_workers
from fapilog_otel.buffer import exit as process_exit
from fapilog_otel.errors import ConfigError
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fapilog_otel.bootstrap.facade import Facade
    from fapilog_otel.contracts import Exporter, Source, SourceHandle, Stage
    from fapilog_otel.provider.logger import Logger
    from fapilog_otel.settings import Settings


class _Current:
    lock = threading.RLock()
    handle: Handle | None = None
    pid: int = 0


def _in_child() -> None:
    _Current.lock = threading.RLock()  # another thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def current_handle() -> Handle | None:
    """Give the handle of the running bridge, or None."""
    return _Current.handle


def get_logger(name: str = "", version: str | None = None, **attributes: Any) -> Logger:
    """Give a logger; it may be made before ``configure()`` and delivers from then on.

    Args:
        name: Logger name, which becomes the record's scope name.
        version: Version of what logs.
        **attributes: Attributes bound to each record.
    """
    logger = facade().make_logger(name, version, own=True)
    return logger.bind(**attributes) if attributes else logger


def configure(
    *,
    endpoint: str | None = None,
    protocol: str | None = None,
    headers: Mapping[str, str] | Callable[[], Mapping[str, str]] | str | None = None,
    timeout: float | None = None,
    compression: str | None = None,
    insecure: bool | None = None,
    certificate: str | bytes | None = None,
    client_certificate: str | bytes | None = None,
    client_key: str | bytes | None = None,
    service_name: str | None = None,
    resource: Mapping[str, Any] | Any = None,
    level: str | int | None = None,
    levels: Mapping[str, str | int] | None = None,
    preset: str | None = None,
    sources: Sequence[str | Source] | None = None,
    stages: Sequence[Stage | str | Mapping[str, object]] | None = None,
    without: Sequence[str] | None = None,
    exporters: Mapping[str, Mapping[str, object] | Exporter] | None = None,
    plugins: Sequence[str] | None = None,
    strict: bool | None = None,
    on_full: str | None = None,
    block_timeout: float | None = None,
    max_queue_bytes: int | None = None,
    spool: str | None = None,
    shutdown_timeout: float | None = None,
    settings: Settings | None = None,
    **more: Any,
) -> Handle:
    """Take the application's logs, tie them to their traces and deliver them over OTLP.

    Every argument is also a setting and an environment variable; an argument wins over the environment, which wins
    over the default. Standard values come from ``OTEL_*``, ours from ``FAPILOG_OTEL_*``.

    Args:
        endpoint: Base URL of the receiver, ``http://localhost:4318``; ``/v1/logs`` is appended.
        protocol: ``"http/protobuf"``, ``"http/json"`` or ``"grpc"``.
        headers: Request headers, or a callable that gives them anew for each request.
        timeout: Seconds for one attempt, connect to last byte.
        compression: ``"none"``, ``"gzip"`` or ``"deflate"``.
        insecure: Plaintext gRPC where the endpoint has no scheme.
        certificate: CA bundle, a path or PEM.
        client_certificate: Client certificate for mTLS, a path or PEM.
        client_key: Its key, a path or PEM.
        service_name: ``service.name`` of the resource.
        resource: Further resource attributes, or an SDK ``Resource``.
        level: Lowest level, by name or stdlib number, on every source.
        levels: Lowest level by logger name; the longest dotted prefix wins.
        preset: A named set of defaults.
        sources: Logging libraries to take logs from; default ``["stdlib"]``.
        stages: Stages to add to the pipeline.
        without: Default stages to leave out, by name.
        exporters: Destination name to configuration or instance; excludes ``endpoint``.
        plugins: Third-party plugins that may be loaded.
        strict: Raise for bad ``OTEL_*`` values too.
        on_full: ``"drop"``, ``"block"`` or, with a spool, ``"spill"``.
        block_timeout: Seconds that a log call may wait under ``"block"``.
        max_queue_bytes: Bytes a destination may hold.
        spool: Directory of the durable spool: requests are on disk before they are sent, or, under ``"spill"``, when
            memory has no room for them. Default: none.
        shutdown_timeout: Seconds that exit may take.
        settings: A ``fapilog_otel.Settings`` that the other arguments are laid over.
        **more: Any further setting by its name, see ``fapilog-otel config show``.

    Returns:
        A handle with ``flush``, ``shutdown`` and ``stats``; also a context manager.

    Raises:
        ConfigError: A value cannot be used, or the bridge is configured differently already.
    """
    from fapilog_otel.settings import load_settings  # noqa: PLC0415 - pydantic costs 100 ms, and only here

    given: dict[str, Any] = dict(locals())
    given.pop("load_settings")
    given.update(given.pop("more"))
    sdk_resource: Any = resource if hasattr(resource, "merge") else None
    if sdk_resource is not None:
        given["resource"] = dict(sdk_resource.attributes)
    resolved = load_settings({name: value for name, value in given.items() if value is not None})
    if sdk_resource is not None:
        sdk_resource = named_resource(sdk_resource, service_name)
    with _Current.lock:
        existing = _reusable(resolved)
        return existing if existing is not None else _start(resolved, sdk_resource)


def _reusable(settings: Settings) -> Handle | None:
    handle = _Current.handle
    if handle is None or handle.closed:
        return None
    if _Current.pid != os.getpid():
        handle.shutdown()  # a forked child's inheritance: what the child has logged through it goes out first
        return None
    if handle.settings == settings:
        return handle
    if handle.is_zero_code:
        handle.shutdown()
        get_diagnostics().report(
            "configure.replaced", "configure() replaces what was configured at the start without code"
        )
        return None
    from fapilog_otel.settings.difference import differences  # noqa: PLC0415 - pydantic, and only where two differ
    from fapilog_otel.settings.loading import same_arguments  # noqa: PLC0415 - loaded already

    changed = "; ".join(map(str, differences(handle.settings, settings)))
    if same_arguments(handle.settings, settings):
        text = "configure() was called again after the environment changed; what was configured first goes on"
        get_diagnostics().report("configure.environment", text, level="info", changed=changed)
        return handle
    raise ConfigError(
        "configure()",
        "other arguments",
        f"the bridge is configured already, with other settings: {changed}",
        "Call handle.shutdown() first, or configure once",
    )


def _start(settings: Settings, sdk_resource: Any) -> Handle:
    _warn_without_native()
    from fapilog_otel.sources.select import make_sources  # noqa: PLC0415 - loads settings' checks, and logging

    provider = facade()
    sources = () if settings.disabled else make_sources(settings)
    provider.attach(settings, sdk_resource)
    handle = Handle(provider, settings, _forget)
    if not settings.disabled:
        try:
            become_global(provider)
            for source in sources:
                handle.add_source(source.install(provider))
            _install_hooks(handle, provider)
        except BaseException:
            handle.shutdown(0.1)
            raise
    _Current.handle, _Current.pid = handle, os.getpid()
    if settings.install_hooks and not settings.disabled:
        process_exit.watch(handle)
        follow_workers(provider.engine, _in_child)
        if settings.handle_sigterm:
            _ON_SIGTERM.install()
    return handle


def _install_hooks(handle: Handle, provider: Facade) -> None:
    """Install what the settings ask for beside sources; like them it goes at shutdown."""
    if handle.settings.integrations:
        from fapilog_otel.integrations import install as tie  # noqa: PLC0415 - not for those who switch them off

        handle.add_source(tie(handle.shutdown))
    if handle.settings.capture_uncaught:
        from fapilog_otel.bootstrap.uncaught import UncaughtCapture  # noqa: PLC0415 - loads asyncio

        handle.add_source(UncaughtCapture(provider).install())


def _forget(handle: Handle) -> None:
    with _Current.lock:
        if _Current.handle is handle:
            _Current.handle = None
            _ON_SIGTERM.uninstall()


def install(source: str | Source, /, **options: Any) -> SourceHandle:
    """Take logs from one more library.

    Args:
        source: ``"stdlib"``, the name of a plugin, or a source.
        **options: Keywords of that source.

    Returns:
        A handle with ``uninstall()``.

    Raises:
        ConfigError: The source is unknown, or installed already with other options (``configure(sources=[])`` installs
            none), an option cannot be used, or ``configure()`` has not been called.
    """
    handle = _Current.handle
    if handle is None or handle.closed:
        raise ConfigError("install()", source, "there is nothing to deliver to yet", "Call configure() first")
    from fapilog_otel.sources.select import make_source  # noqa: PLC0415 - as in configure()

    installed = make_source(source, handle.settings, options).install(facade())
    handle.add_source(installed)
    return installed


def shutdown(timeout: float | None = None) -> bool:
    """Shut the running bridge down, if there is one.

    Args:
        timeout: Seconds; None: ``shutdown_timeout``.

    Returns:
        True if all that was pending was delivered.
    """
    handle = _Current.handle
    return True if handle is None else handle.shutdown(timeout)


def _shutting_down() -> bool:
    handle = _Current.handle
    return handle is not None and handle.closed


_ON_SIGTERM = TermHandler(shutdown, _shutting_down)


def _warn_without_native() -> None:
    from fapilog_otel.encode import select  # noqa: PLC0415 - read at the time of the call

    if select.NATIVE_MISSING:
        get_diagnostics().report(
            "native",
            "the native encoder cannot be loaded; the Python one does the work, twenty to thirty times slower",
            level="info",
            cause=select.NATIVE_MISSING,
            remedy="install a C compiler and reinstall fapilog-otel, or set FAPILOG_OTEL_NATIVE=0 to silence this",
        )
