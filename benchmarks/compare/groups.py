"""What is measured: every way of logging that is compared, and how the ways are put side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from benchmarks.compare.variants import DEFAULT_QUEUE, KIB, Destination, Group, Library, Path, Variant


def _stock(key: str, title: str, path: Path = "api", records: int = 24_000) -> Variant:
    return Variant(key, title, "sdk", path, records)


def _ours(key: str, title: str, path: Path = "own", records: int = 600_000) -> tuple[Variant, Variant]:
    default = Variant(key, title, "ours", path, records)
    return default, replace(default, key=f"{key}-bare", stages=False)


def _each(variants: tuple[Variant, ...], **changes: object) -> tuple[Variant, ...]:
    return tuple(replace(variant, **changes) for variant in variants)  # type: ignore[arg-type]


def _peer(library: Library, title: str, records: int = 16_000) -> Variant:
    return Variant(library, title, library, "own", records)


_STOCK_HTTP = _stock("stock-http", "SDK `Logger.emit` → `BatchLogRecordProcessor` → OTLP/HTTP")
_STOCK_HTTP_DEFAULT_QUEUE = replace(
    _STOCK_HTTP,
    key="stock-http-default-queue",
    title="the same with its default queue of 2 048",
    queue=DEFAULT_QUEUE,
)
_STOCK_IDLE = replace(
    _STOCK_HTTP, key="stock-idle", title="SDK `Logger.emit` → a processor that only counts", idle=True
)
_STOCK_GRPC = replace(_STOCK_HTTP, key="stock-grpc", title=_STOCK_HTTP.title.replace("HTTP", "gRPC"), protocol="grpc")
_STOCK_GZIP = replace(_STOCK_HTTP, key="stock-gzip", title=_STOCK_HTTP.title + ", gzip", compression="gzip")
_STOCK_STDLIB = _stock("stock-stdlib", "`logging` → SDK `LoggingHandler` → OTLP/HTTP", "stdlib", 16_000)

_HTTP = _ours("http", "our logger, 256 KiB requests")
_FAST = _ours("stdlib-fast", "`logging` → our source, fast logger", "stdlib", 200_000)

_OTLP_HTTP: Final = Group(
    "OTLP/HTTP",
    (
        _STOCK_HTTP,
        _STOCK_HTTP_DEFAULT_QUEUE,
        *_HTTP,
        *_each(_ours("http-1m", "our logger, 1 MiB requests"), request_bytes=1024 * KIB),
        *_ours("api", "OTel API `Logger.emit`, our provider", "api", 400_000),
        _STOCK_IDLE,
        *_ours("processor", "SDK `Logger.emit` → our processor", "processor", 40_000),
        *_each(_ours("http-spool", "our logger, every request on disk first", records=300_000), spool=True),
        *_each(_ours("python", "our logger, pure-Python encoder", records=100_000), native=False),
    ),
)

_OTLP_GRPC: Final = Group(
    "OTLP/gRPC",
    (
        _STOCK_GRPC,
        *_each(_ours("grpc", "our logger, 256 KiB requests", records=500_000), protocol="grpc"),
        *_each(
            _ours("grpc-1m", "our logger, 1 MiB requests", records=500_000), protocol="grpc", request_bytes=1024 * KIB
        ),
    ),
)

_STDLIB: Final = Group(
    "stdlib `logging`, OTLP/HTTP",
    (
        _STOCK_STDLIB,
        *_each(_FAST, fast=True),
        *(
            replace(one, key=f"{one.key}-no-code", title=f"{one.title}, no `code.*` attributes", code_attributes=False)
            for one in _each(_FAST, fast=True)
        ),
        *_each(_ours("stdlib-plain", "`logging` → our source, plain handler", "stdlib", 60_000), fast=False),
    ),
)

_GZIP: Final = Group(
    "OTLP/HTTP, gzip", (_STOCK_GZIP, *_each(_ours("gzip", "our logger", records=400_000), compression="gzip"))
)

_STOCK_STRUCTLOG = _peer("structlog", "structlog → opentelemetry-instrumentation-structlog → OTLP/HTTP")
_STOCK_LOGURU = _peer("loguru", "loguru → hand-written OTel sink → OTLP/HTTP")

_STRUCTLOG: Final = Group(
    "structlog, OTLP/HTTP",
    (_STOCK_STRUCTLOG, *_ours("structlog-ours", "structlog → our source", "structlog", 100_000)),
)

_LOGURU: Final = Group(
    "loguru, OTLP/HTTP",
    (
        _STOCK_LOGURU,
        *_each(_ours("loguru-ours", "loguru → our source", "loguru", 60_000), code_attributes=False),
    ),
)

_PEERS: Final = Group(
    "Other logging libraries",
    (
        _STOCK_HTTP,
        _STOCK_STRUCTLOG,
        _STOCK_LOGURU,
        _peer("logfire", "logfire → its spans → `BatchSpanProcessor` → OTLP/HTTP", 12_000),
        _peer("fapilog", "fapilog 0.18 → a sink that does nothing, no OTLP", 12_000),
        *_HTTP,
    ),
)


def _into(destination: Destination, name: str) -> Group:
    stock = _stock(f"stock-{destination}", f"SDK `Logger.emit` → `BatchLogRecordProcessor` → {name}")
    ours = _ours(destination, f"our logger → {name}", records=300_000)
    return Group(f"Into {name} on the same cores, OTLP/HTTP", _each((stock, *ours), destination=destination))


GROUPS: Final = (
    _OTLP_HTTP,
    _OTLP_GRPC,
    _STDLIB,
    _GZIP,
    _STRUCTLOG,
    _LOGURU,
    _PEERS,
    _into("collector", "the OpenTelemetry Collector"),
    _into("rotel", "rotel"),
)

VARIANTS: Final = {variant.key: variant for group in GROUPS for variant in group.variants}
