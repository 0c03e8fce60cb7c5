"""What is measured: every way of logging that is compared, and how the ways are put side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

Path: TypeAlias = Literal["own", "api", "stdlib", "processor"]

KIB: Final = 1024
DEFAULT_QUEUE: Final = 2048
"""Records that the stock processor's queue holds by default."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of logging.

    Args:
        key: Its name on the command line and in JSON.
        title: Its name in the table.
        stock: Whether it is the SDK's; otherwise ours.
        path: How the application logs.
        records: Records of the timed part of a run.
        protocol: OTLP transport.
        stages: Whether our default stages run.
        request_bytes: Size of our chunks and requests.
        compression: Of the request.
        native: Whether our native encoder is used.
        queue: Records that the stock processor's queue may hold; None: as many as the run has.
    """

    key: str
    title: str
    stock: bool
    path: Path
    records: int
    protocol: Literal["http", "grpc"] = "http"
    stages: bool = True
    request_bytes: int = 256 * KIB
    compression: Literal["none", "gzip"] = "none"
    native: bool = True
    queue: int | None = None

    @property
    def may_lose(self) -> bool:
        """Whether losing records is what this variant is there to show."""
        return self.queue is not None


@dataclass(frozen=True, slots=True)
class Group:
    """Variants over one path of the SDK, the first of which is that path."""

    title: str
    variants: tuple[Variant, ...]

    @property
    def peer(self) -> Variant:
        """What the others are compared with."""
        return self.variants[0]


def _stock(key: str, title: str, path: Path = "api", records: int = 24_000) -> Variant:
    return Variant(key, title, stock=True, path=path, records=records)


def _ours(key: str, title: str, path: Path = "own", records: int = 600_000) -> tuple[Variant, Variant]:
    default = Variant(key, title, stock=False, path=path, records=records)
    return default, replace(default, key=f"{key}-bare", stages=False)


def _each(variants: tuple[Variant, Variant], **changes: object) -> tuple[Variant, ...]:
    return tuple(replace(variant, **changes) for variant in variants)  # type: ignore[arg-type]


_STOCK_HTTP = _stock("stock-http", "SDK `Logger.emit` → `BatchLogRecordProcessor` → OTLP/HTTP")
_STOCK_HTTP_DEFAULT_QUEUE = replace(
    _STOCK_HTTP,
    key="stock-http-default-queue",
    title="the same with its default queue of 2 048",
    queue=DEFAULT_QUEUE,
)
_STOCK_GRPC = replace(_STOCK_HTTP, key="stock-grpc", title=_STOCK_HTTP.title.replace("HTTP", "gRPC"), protocol="grpc")
_STOCK_GZIP = replace(_STOCK_HTTP, key="stock-gzip", title=_STOCK_HTTP.title + ", gzip", compression="gzip")
_STOCK_STDLIB = _stock("stock-stdlib", "`logging` → SDK `LoggingHandler` → OTLP/HTTP", "stdlib", 16_000)

GROUPS: Final = (
    Group(
        "OTLP/HTTP",
        (
            _STOCK_HTTP,
            _STOCK_HTTP_DEFAULT_QUEUE,
            *_ours("http", "our logger, 256 KiB requests"),
            *_each(_ours("http-1m", "our logger, 1 MiB requests"), request_bytes=1024 * KIB),
            *_ours("api", "OTel API `Logger.emit`, our provider", "api", 400_000),
            *_ours("processor", "SDK `Logger.emit` → our processor", "processor", 40_000),
            *_each(_ours("python", "our logger, pure-Python encoder", records=100_000), native=False),
        ),
    ),
    Group(
        "OTLP/gRPC",
        (
            _STOCK_GRPC,
            *_each(_ours("grpc", "our logger, 256 KiB requests", records=500_000), protocol="grpc"),
            *_each(
                _ours("grpc-1m", "our logger, 1 MiB requests", records=500_000),
                protocol="grpc",
                request_bytes=1024 * KIB,
            ),
        ),
    ),
    Group("stdlib `logging`, OTLP/HTTP", (_STOCK_STDLIB, *_ours("stdlib", "`logging` → our source", "stdlib", 60_000))),
    Group(
        "OTLP/HTTP, gzip",
        (_STOCK_GZIP, *_each(_ours("gzip", "our logger", records=400_000), compression="gzip")),
    ),
)

VARIANTS: Final = {variant.key: variant for group in GROUPS for variant in group.variants}
