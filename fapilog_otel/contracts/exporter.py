"""The Exporter contract: transport only. Retrying, timing and counting are wrappers in ``delivery``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fapilog_otel.contracts.encoded_logs import EncodedLogs


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A request that the destination took, wholly or in part (OTLP "Partial Success").

    Args:
        rejected: Records that the destination refused for good; 0: full success.
        message: What the destination said, cut and stripped of control characters.
        code: The transport's word for the reply, for metrics: ``http_200``, ``grpc_ok``; empty: not told.
    """

    rejected: int = 0
    message: str = ""
    code: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExporterTraits:
    """What delivery may assume of a transport.

    Args:
        max_in_flight: Requests that may be under way at once.
        fork_safe: False: must be closed before a fork (gRPC).
        blocking: True: ``export`` blocks and is run on a daemon thread of its own.
        request_size: Bytes of a request that suit it best; None: the setting's default.
        endpoint: Where requests go, without credentials, for what is said about the destination; empty: not told.
        spooled: False: it needs no spool, since it writes to this machine (console, file) or to this process's memory.
        copies: How often a request that is under way is in memory beside the queue's own bytes of it (gRPC: twice).
        component_type: ``otel.component.type`` in metrics; empty: the name of its class.
    """

    max_in_flight: int = 1
    fork_safe: bool = True
    blocking: bool = False
    request_size: int | None = None
    endpoint: str = ""
    spooled: bool = True
    copies: int = 0
    component_type: str = ""


_DEFAULT_TRAITS: Final = ExporterTraits()


@runtime_checkable
class Exporter(Protocol):
    """One destination's transport.

    An exporter may also have an attribute ``traits`` of type `ExporterTraits`.
    """

    def validate(self) -> None:
        """Check the settings without any I/O but reading named files; called at configure.

        Raises:
            ConfigError: A setting cannot work.
        """

    async def start(self) -> None:
        """Warm the transport; called by the pipeline thread as soon as it runs and again after each `close`."""

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Send one request.

        Returns:
            Success or partial success.

        Raises:
            PermanentError: The destination refuses this request for good.
            RetryableError: A later attempt may pass.
        """
        ...

    async def close(self) -> None:
        """Release every socket and thread; `start` may follow."""


class ExporterFactory(Protocol):
    """The object behind an entry point of group ``fapilog_otel.exporters``."""

    @property
    def settings_model(self) -> type:
        """The Pydantic model that validates this exporter's configuration."""
        ...

    def create(self, settings: Mapping[str, object]) -> Exporter:
        """Build an exporter from its configuration.

        Args:
            settings: The destination's own keys, as the user gave them.

        Raises:
            ConfigError: A key is unknown or its value cannot be used.
        """
        ...


def exporter_traits(exporter: object) -> ExporterTraits:
    """Give the traits that an exporter declares, or the defaults."""
    traits = getattr(exporter, "traits", None)
    return traits if isinstance(traits, ExporterTraits) else _DEFAULT_TRAITS
