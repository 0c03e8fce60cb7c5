"""Any exporter written for the OpenTelemetry SDK as a destination of ours.

::

    EncodedLogs ─► decoded records ─► ReadableLogRecord … ─► LogRecordExporter.export()
                                                                SUCCESS ─► ExportResult
                                                                FAILURE, exception ─► PermanentError

A failure is permanent: the SDK's exporters retry by themselves, and ``FAILURE`` is what is left after that.
"""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, cast

from fapilog_otel.contracts.exporter import ExporterTraits, ExportResult
from fapilog_otel.errors import ConfigError, PermanentError, PluginError
from fapilog_otel.telemetry.diagnostics import clean_server_text
from fapilog_otel_exporters._factory import Factory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from importlib.metadata import EntryPoint
    from typing import TypeGuard

    from fapilog_otel.compat.sdk import LogRecordExporter
    from fapilog_otel.contracts.encoded_logs import EncodedLogs
    from fapilog_otel_exporters._light_settings import SdkAdapterSettings

GROUP: Final = "opentelemetry_logs_exporter"


class SdkExporterAdapter:
    """An exporter that hands records to an SDK ``LogRecordExporter``.

    Args:
        exporter: An instance, which this then owns and shuts down once; or a function or class that makes one, or the
            name of an entry point in group ``opentelemetry_logs_exporter`` (``"otlp_proto_http"``): one at each start.
        arguments: Keyword arguments for the function, class or entry point; never shown in errors.
    """

    def __init__(
        self,
        exporter: LogRecordExporter | Callable[..., LogRecordExporter] | str,
        arguments: Mapping[str, object] | None = None,
    ) -> None:
        self._given = exporter
        self._arguments = dict(arguments or {})
        self._is_instance = _is_instance(exporter)
        self._exporter: LogRecordExporter | None = exporter if _is_instance(exporter) else None
        self._closed = False
        # An instance cannot be opened again after a fork; whatever it holds is its maker's concern, as in the SDK.
        self.traits = ExporterTraits(blocking=True, fork_safe=self._is_instance)

    def __repr__(self) -> str:
        return f"SdkExporterAdapter({self.exporter_name})"

    @property
    def exporter_name(self) -> str:
        """The name of the SDK exporter's class, function or entry point."""
        if isinstance(self._given, str):
            return self._given
        named = type(self._given) if self._is_instance else self._given
        return getattr(named, "__qualname__", None) or type(self._given).__qualname__

    def validate(self) -> None:
        """Check that there is such an exporter; an entry point is found but not loaded.

        Raises:
            ConfigError: It is neither an exporter nor something that makes one.
            PluginError: No entry point has this name.
        """
        if isinstance(self._given, str):
            _find_entry_point(self._given)
        elif self._is_instance and self._arguments:
            remedy = "Give a class or an entry point's name as exporter"
            raise ConfigError("arguments", sorted(self._arguments), "sdk_adapter: the exporter is made already", remedy)
        elif not self._is_instance and not callable(self._given):
            remedy = "Give a LogRecordExporter, something that makes one, or an entry point's name"
            raise ConfigError("exporter", self.exporter_name, "sdk_adapter: it cannot export", remedy)

    async def start(self) -> None:
        """Make the SDK exporter, unless it was given ready.

        Raises:
            ConfigError: The instance has been shut down by `close`, or making another one failed.
        """
        if self._exporter is None:
            self._exporter = self._made()
            self._closed = False
        from fapilog_otel_exporters import _sdk_records  # noqa: F401 - not first at exit

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Hand the request's records over and wait for the exporter's verdict.

        Raises:
            PermanentError: The exporter failed (``exporter_failure``), raised (``exporter_error``), or is shut down.
        """
        if self._closed:
            raise PermanentError(f"{self.exporter_name} is shut down", reason="shutdown")
        if self._exporter is None:
            await self.start()
        from fapilog_otel_exporters._sdk_records import readable_records

        exporter = self._exporter
        assert exporter is not None  # noqa: S101 - start() sets it or raises
        batch = readable_records(request.records())
        with _suppressed_instrumentation(), self._named_errors("export"):
            result = exporter.export(batch)
        if getattr(result, "name", None) != "SUCCESS":
            raise PermanentError(f"{self.exporter_name}.export() returned {result!r}", reason="exporter_failure")
        return ExportResult()

    async def close(self) -> None:
        """Shut the SDK exporter down, once.

        Raises:
            PermanentError: Its ``shutdown`` raised.
        """
        exporter, self._exporter = self._exporter, None
        self._closed = True
        if exporter is not None:
            with _suppressed_instrumentation(), self._named_errors("shutdown"):
                exporter.shutdown()  # type: ignore[no-untyped-call]

    def _made(self) -> LogRecordExporter:
        if self._is_instance:
            remedy = "Give a function, a class or an entry point's name, which can be started again"
            raise ConfigError("exporter", self.exporter_name, "sdk_adapter: the instance was shut down", remedy)
        try:
            return self._maker()(**self._arguments)
        except ConfigError:
            raise
        except Exception as error:
            text = f"sdk_adapter: {type(error).__name__}: {self._clean(error)}"
            raise PluginError("exporter", self.exporter_name, text, "Check its arguments and its settings") from error

    def _maker(self) -> Callable[..., LogRecordExporter]:
        if isinstance(self._given, str):
            maker: Callable[..., LogRecordExporter] = _find_entry_point(self._given).load()
            return maker
        return cast("Callable[..., LogRecordExporter]", self._given)

    @contextmanager
    def _named_errors(self, method: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            text = f"{self.exporter_name}.{method}() raised {type(error).__name__}: {self._clean(error)}"
            raise PermanentError(text, reason="exporter_error") from error

    def _clean(self, error: Exception) -> str:
        return clean_server_text(str(error), _secrets(self._arguments.get("headers")))


def _is_instance(exporter: object) -> TypeGuard[LogRecordExporter]:
    return not isinstance(exporter, (str, type)) and callable(getattr(exporter, "export", None))


def _find_entry_point(name: str) -> EntryPoint:
    found = entry_points(group=GROUP)
    for entry_point in found:
        if entry_point.name == name:
            return entry_point
    near = difflib.get_close_matches(name, found.names, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(found.names))}"
    raise PluginError("exporter", name, f"sdk_adapter: no entry point of this name in group {GROUP}", remedy)


def _secrets(headers: Any) -> tuple[str, ...]:
    if isinstance(headers, str):
        return (headers, *(pair.partition("=")[2] for pair in headers.split(",")))
    values = headers.values() if hasattr(headers, "values") else [pair[-1] for pair in headers or ()]
    return tuple(map(str, values))


@contextmanager
def _suppressed_instrumentation() -> Iterator[None]:
    """Keep instrumented HTTP and gRPC libraries from tracing the export, as the SDK's own processors do."""
    from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value

    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        yield
    finally:
        detach(token)


def _settings_model() -> type[SdkAdapterSettings]:
    from fapilog_otel_exporters._light_settings import SdkAdapterSettings

    return SdkAdapterSettings


def _build(settings: SdkAdapterSettings) -> SdkExporterAdapter:
    return SdkExporterAdapter(settings.exporter, settings.arguments)


factory = Factory("sdk_adapter", _settings_model, _build)
