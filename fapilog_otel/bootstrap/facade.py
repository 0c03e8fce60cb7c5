"""The permanent provider that `configure` puts in front of whatever backend is there at the time.

``set_logger_provider`` works once a process and the loggers it gives are cached by whoever asked, so the object stays
and what is behind it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapilog_otel.provider.provider import LoggerProvider

if TYPE_CHECKING:
    from fapilog_otel.provider.logger import Logger


class Facade(LoggerProvider):
    """A provider that may be without a backend, before `configure` and after shutdown; its loggers outlive each."""

    _tells_losses = False  # its handle does, which knows more

    def __init__(self) -> None:
        self._prepare()

    @property
    def resource(self) -> Any:
        """The SDK resource of the present backend's records; an empty one before there was any."""
        if self._resource is None:
            from fapilog_otel.compat.sdk_resources import Resource as SdkResource  # noqa: PLC0415 - only before configure()

            return SdkResource.get_empty()
        return self._resource

    def get_logger(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Logger:
        """Give a logger for a scope; without a backend it does nothing until there is one."""
        return self.make_logger(name, version, schema_url, attributes)


def facade() -> Facade:
    """Give the one of this process."""
    return _FACADE


_FACADE = Facade()
