"""The logger: OpenTelemetry's ``Logger`` with level methods, ``bind`` and async twins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapilog_otel.compat import api
from fapilog_otel.encode.log_methods import severity_value
from fapilog_otel.encode.select import LoggerBase
from fapilog_otel.model import severity as sev

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from typing_extensions import Self

    from fapilog_otel.encode.select import Port


class Logger(LoggerBase, api.Logger):
    """Writes log records that carry the trace and span they were written in.

    Level methods take the message by position; further positional arguments fill it in printf style; every keyword but
    ``exc_info`` is an attribute, whatever its name. A call never raises an `Exception`, and does nothing before
    ``configure()``.
    """

    def __init__(
        self,
        port: Port,
        name: str,
        version: str = "",
        schema_url: str = "",
        attributes: Mapping[str, Any] | None = None,
        bound: dict[str, Any] | None = None,
        *,
        own: bool = False,
    ) -> None:
        LoggerBase.__init__(self, port, name, version, schema_url, attributes, bound)
        self._name = name
        self._version = version
        self._schema_url = schema_url
        self._attributes = attributes
        self._own = own
        self._scope_object: Any = None

    def __repr__(self) -> str:
        return f"Logger({self._name!r})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # it is immutable; an application's deep-copied objects log to the same place

    @property
    def name(self) -> str:
        """Name of the logger, which is the record's scope name."""
        return self._name

    @property
    def own(self) -> bool:
        """Whether it came from ``get_logger`` of this package, whose default level is INFO."""
        return self._own

    @property
    def instrumentation_scope(self) -> Any:
        """The scope of the logger's records, as an SDK ``InstrumentationScope``."""
        if self._scope_object is None:
            from fapilog_otel.compat.sdk import InstrumentationScope  # noqa: PLC0415 - only with SDK processors

            self._scope_object = InstrumentationScope(
                self._name, self._version or None, self._schema_url or None, dict(self._attributes or {})
            )
        return self._scope_object

    @property
    def resource(self) -> Any:
        """The SDK resource of the logger's records: its provider's."""
        return self.port.resolve.resource

    def bind(self, /, **attributes: Any) -> Self:
        """Give a logger that adds these attributes to each of its records; this one stays as it is."""
        return self._with_bound({**(self.bound or {}), **attributes})

    def unbind(self, *keys: str) -> Self:
        """Give a logger without these bound attributes."""
        return self._with_bound({key: value for key, value in (self.bound or {}).items() if key not in keys})

    def _with_bound(self, bound: dict[str, Any]) -> Self:
        cls = type(self)
        name, version, schema_url, attributes = self.scope_key
        return cls(self.port, name, version, schema_url, attributes, bound, own=self._own)

    def enabled(
        self,
        *,
        context: Context | None = None,
        severity_number: Any = None,
        event_name: str | None = None,
    ) -> bool:
        """Tell whether a record of this kind could go anywhere (Logs API, "Enabled").

        Args:
            context: Context that the record would be written in; None: the current one.
            severity_number: Its severity; None: unspecified.
            event_name: Its event name.
        """
        if not self.gate_open(severity_value(severity_number)):
            return False
        return bool(self.port.resolve.enabled(self, context, severity_number, event_name))

    def log(
        self, level: int | str, message: object, /, *args: object, exc_info: object = None, **attributes: Any
    ) -> None:
        """Log at a level given by name (``"INFO"``, ``"AUDIT"``) or stdlib number (``logging.INFO``).

        An unknown level is logged at INFO with ``log.level`` as attribute: a record is never lost for it.
        """
        number, text = _level(level)
        if not text and number:
            attributes = {"log.level": level, **attributes}
            text = sev.severity_text(number)
        self.write(number, text, message, args, exc_info, attributes)

    async def _awrite(
        self,
        number: int,
        text: str,
        message: object,
        args: tuple[object, ...],
        exc_info: object,
        attributes: dict[str, Any],
    ) -> None:
        if self.gate_open(number):
            await self.port.resolve.await_room()
        self.write(number, text, message, args, exc_info, attributes)

    async def atrace(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at TRACE (1); under the ``block`` policy waits without blocking the loop."""
        await self._awrite(sev.TRACE, "TRACE", message, args, exc_info, attributes)

    async def adebug(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at DEBUG (5); under the ``block`` policy waits without blocking the loop."""
        await self._awrite(sev.DEBUG, "DEBUG", message, args, exc_info, attributes)

    async def ainfo(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at INFO (9); under the ``block`` policy waits without blocking the loop."""
        await self._awrite(sev.INFO, "INFO", message, args, exc_info, attributes)

    async def awarning(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at WARN (13); under the ``block`` policy waits without blocking the loop."""
        await self._awrite(sev.WARN, "WARN", message, args, exc_info, attributes)

    async def aerror(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at ERROR (17); under the ``block`` policy waits without blocking the loop."""
        await self._awrite(sev.ERROR, "ERROR", message, args, exc_info, attributes)

    async def acritical(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at FATAL (21); under the ``block`` policy waits without blocking the loop."""
        await self._awrite(sev.FATAL, "FATAL", message, args, exc_info, attributes)

    async def aaudit(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at AUDIT (22); under the ``block`` policy waits without blocking the loop."""
        await self._awrite(sev.AUDIT, "AUDIT", message, args, exc_info, attributes)

    async def asecurity(self, message: object, /, *args: object, exc_info: object = None, **attributes: Any) -> None:
        """Log at SECURITY (23); under the ``block`` policy waits without blocking the loop."""
        await self._awrite(sev.SECURITY, "SECURITY", message, args, exc_info, attributes)

    async def aexception(self, message: object, /, *args: object, exc_info: object = True, **attributes: Any) -> None:
        """Log the exception being handled at ERROR (17); under the ``block`` policy waits without blocking the loop."""
        await self._awrite(sev.ERROR, "ERROR", message, args, exc_info, attributes)

    async def alog(
        self, level: int | str, message: object, /, *args: object, exc_info: object = None, **attributes: Any
    ) -> None:
        """Log at a level given by name or number; under the ``block`` policy waits without blocking the loop."""
        if self.gate_open(_level(level)[0]):
            await self.port.resolve.await_room()
        self.log(level, message, *args, exc_info=exc_info, **attributes)

    awarn = awarning
    afatal = acritical


def _level(level: object) -> tuple[int, str]:
    """Give severity number and text of a level; INFO and no text for one that nobody knows."""
    try:
        number = sev.parse_level(level)  # type: ignore[arg-type]
        name = level.strip().upper() if isinstance(level, str) else ""
    except Exception:  # noqa: BLE001 - any object may be given as level; the record goes out and names it
        return sev.INFO, ""
    return number, sev.text_from_stdlib(name) if name in sev.NAMES else sev.severity_text(number)
