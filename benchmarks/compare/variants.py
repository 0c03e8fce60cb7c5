"""What a measured run is: the library, how the application logs, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Library: TypeAlias = Literal["ours", "sdk", "structlog", "loguru", "logfire", "fapilog"]
Path: TypeAlias = Literal["own", "api", "stdlib", "processor", "structlog", "loguru"]
Destination: TypeAlias = Literal["counting", "collector", "rotel"]

KIB: Final = 1024
DEFAULT_QUEUE: Final = 2048
"""Records that the stock processor's queue holds by default."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of logging.

    Args:
        key: Its name on the command line and in JSON.
        title: Its name in the table.
        library: Whose it is.
        path: How the application logs: by our logger, OpenTelemetry's, or another library's that a source of ours
            captures; the peers have one way of their own.
        records: Records of the timed part of a run.
        protocol: OTLP transport.
        stages: Whether our default stages run.
        request_bytes: Size of our chunks and requests.
        compression: Of the request.
        native: Whether our native encoder is used.
        queue: Records that the stock processor's queue may hold; None: as many as the run has.
        fast: Our setting ``fast_stdlib``; None: left alone.
        spool: Whether every request of ours is on disk before it is sent.
        code_attributes: Whether records of ``logging`` say where they come from, as the SDK's always do.
        idle: Whether the SDK's processor only counts, so that nothing leaves the process.
        destination: What receives: the counting receiver, or a real collector.
    """

    key: str
    title: str
    library: Library
    path: Path
    records: int
    protocol: Literal["http", "grpc"] = "http"
    stages: bool = True
    request_bytes: int = 256 * KIB
    compression: Literal["none", "gzip"] = "none"
    native: bool = True
    queue: int | None = None
    fast: bool | None = None
    spool: bool = False
    code_attributes: bool = True
    idle: bool = False
    destination: Destination = "counting"

    @property
    def may_lose(self) -> bool:
        """Whether losing records is what this variant is there to show."""
        return self.queue is not None

    @property
    def ours(self) -> bool:
        """Whether it is fapilog_otel."""
        return self.library == "ours"

    @property
    def signal(self) -> Literal["logs", "traces", ""]:
        """What it sends; empty: nothing leaves the process."""
        if self.library == "logfire":
            return "traces"
        return "" if self.library == "fapilog" or self.idle else "logs"


@dataclass(frozen=True, slots=True)
class Group:
    """Variants over one path of the SDK, the first of which is that path."""

    title: str
    variants: tuple[Variant, ...]

    @property
    def peer(self) -> Variant:
        """What the others are compared with."""
        return self.variants[0]
