"""The public API as a user types it: read by mypy and pyright, never run."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from typing_extensions import assert_type

import fapilog_otel as fo
from fapilog_otel.contracts import SourceHandle
from fapilog_otel.contracts.stage import Phase
from fapilog_otel.errors import ConfigError, FapilogOtelError, PermanentError, RetryableError
from fapilog_otel.telemetry.accounting import DestinationStats


def configured_without_anything() -> None:
    handle = fo.configure()
    assert_type(handle, fo.Handle)
    assert_type(handle.flush(), bool)
    assert_type(handle.flush(timeout=1.5), bool)
    assert_type(handle.stats(), fo.Stats)
    assert_type(handle.shutdown(timeout=None), bool)
    assert_type(fo.shutdown(), bool)


def configured_with_everything() -> None:
    fo.configure(
        endpoint="http://localhost:4318",
        protocol="http/protobuf",
        headers=lambda: {"authorization": "Bearer …"},
        timeout=10,
        compression="gzip",
        insecure=False,
        certificate="ca.pem",
        client_certificate=b"-----BEGIN CERTIFICATE-----",
        client_key="key.pem",
        service_name="shop",
        resource={"deployment.environment.name": "production", "shop.floors": 3},
        level=logging.INFO,
        levels={"shop.cart": "DEBUG", "urllib3": logging.WARNING},
        preset="production",
        sources=["stdlib", OneSource()],
        stages=[OnlyPaid(), "rate_limit", {"name": "sampling", "rate": 0.5}],
        without=["context_vars"],
        plugins=["acme-otel"],
        strict=True,
        on_full="block",
        block_timeout=0.5,
        max_queue_bytes=1 << 20,
        shutdown_timeout=2,
    )
    fo.configure(exporters={"main": {"type": "otlp_grpc"}, "archive": Archive()}, settings=fo.Settings(timeout=5))


def used_as_a_context_manager() -> None:
    with fo.configure() as handle:
        assert_type(handle, fo.Handle)


async def used_in_coroutines() -> None:
    async with fo.configure() as handle:
        assert_type(await handle.aflush(timeout=1), bool)
        assert_type(await handle.ashutdown(), bool)
    await fo.get_logger("shop").ainfo("waits without blocking the loop", order_id="o-1")


def logged() -> None:
    log = fo.get_logger("shop.cart", "1.0", tenant="acme")
    assert_type(log, fo.Logger)
    assert_type(log.info("order placed", order_id="o-1", total=12.5), None)
    log.warning("slow by %d ms", 250, message="an attribute may have any name", self="this one too")
    log.error("refused", exc_info=ValueError("no"))
    log.log("AUDIT", "opened", door={"floor": 1, "open": True})
    log.log(logging.DEBUG, {"a": ["body", "of", "any", "shape"]})
    assert_type(log.bind(user_id="u1"), fo.Logger)
    assert_type(log.bind(user_id="u1").unbind("user_id"), fo.Logger)
    assert_type(log.enabled(), bool)
    with fo.bound_context(request_id="r-1"):
        try:
            log.audit("card charged", card="…")
        except ValueError:
            log.exception("payment failed")


def read_the_stats(stats: fo.Stats) -> None:
    assert_type(stats.submitted, int)
    assert_type(stats.in_flight, int)
    assert_type(stats.dropped_by_reason, Mapping[str, int])
    assert_type(stats.destinations, Mapping[str, DestinationStats])
    assert_type(stats.balanced, bool)


def stood_on_three_faces(settings: fo.Settings) -> None:
    provider = fo.LoggerProvider(settings=settings)
    provider.get_logger("shop", "1.0").emit(body="by the OpenTelemetry API")
    assert_type(provider.force_flush(1000), bool)
    processor = fo.FapilogLogRecordProcessor(Archive(), schedule_delay_millis=500)
    provider.add_log_record_processor(processor)
    exporter = fo.FapilogLogRecordExporter("https://collector.example/v1/logs", timeout=5, compression="gzip")
    assert_type(exporter.force_flush(), bool)


def took_another_library() -> None:
    installed = fo.install("stdlib", code_attributes=True)
    assert_type(installed.uninstall(), None)
    fo.install(OneSource())


class OnlyPaid:
    """A stage, by its shape alone."""

    name = "only_paid"
    phase: Phase = "filter"
    inline = True

    def __call__(self, record: fo.Record) -> fo.Record | None:
        if record.attributes.get("paid"):
            return record.with_attributes({"checked": True}).replace(severity_text="INFO")
        return None


class Archive:
    """An exporter, by its shape alone."""

    def validate(self) -> None: ...

    async def start(self) -> None: ...

    async def export(self, request: fo.EncodedLogs) -> fo.ExportResult:
        assert_type(request.count, int)
        assert_type(request.records(), tuple[fo.Record, ...])
        if not request.body("json", "gzip"):
            raise PermanentError("nothing to send", reason="empty")
        if request.max_severity > 20:
            raise RetryableError("later", delay=1.0)
        return fo.ExportResult(rejected=1, message="one was too old")

    async def close(self) -> None: ...


class OneSource:
    """A source, by its shape alone."""

    def install(self, provider: object) -> SourceHandle:
        return _Installed()

    def to_record(self, native: object) -> fo.Record:
        return fo.Record(body=str(native), severity_number=9, scope=fo.Record().scope)


class _Installed:
    def uninstall(self) -> None: ...


def told_what_is_wrong(error: ConfigError) -> str:
    base: FapilogOtelError = error
    also_a_value_error: ValueError = error
    return f"{base} {also_a_value_error} {error.setting} {error.remedy} {error.origin}"


a_stage: fo.Stage = OnlyPaid()
an_exporter: fo.Exporter = Archive()
a_source: fo.Source = OneSource()
version: str = fo.__version__
errors_by_name: type[fo.errors.ConfigError] = ConfigError
