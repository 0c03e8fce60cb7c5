"""The Source contract: what connects a logging library to a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from fapilog_otel.model.record import Record


class SourceHandle(Protocol):
    """An installed source."""

    def uninstall(self) -> None:
        """Restore the library's state from before `Source.install`; a second call does nothing."""


@runtime_checkable
class Source(Protocol):
    """A logging library whose records become OTel log records."""

    def install(self, provider: object) -> SourceHandle:
        """Connect the library to a provider.

        Args:
            provider: A ``fapilog_otel.LoggerProvider``.

        Raises:
            ConfigError: The library is missing or of an unsupported version.
        """
        ...

    def to_record(self, native: object) -> Record:
        """Translate one record of the library; pure, no I/O."""
        ...
