"""Metrics about ourselves by OpenTelemetry's names, read from the accounts when a reader collects.

As in the SDK they exist only under ``OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED=true``, whoever passes a meter provider.
What is measured is held weakly: an instrument must not keep a provider alive.

Source: OpenTelemetry semantic conventions, "SDK metrics".
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.compat import api
from fapilog_otel.provider.exporter_metrics import DURATION, ExporterMetrics, component, with_error
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    from fapilog_otel.buffer.engine import Engine
    from fapilog_otel.provider.exporter import FapilogLogRecordExporter
    from fapilog_otel.provider.processor import FapilogLogRecordProcessor
    from fapilog_otel.provider.provider import LoggerProvider
    from fapilog_otel.telemetry.accounting import Stats

    Points: TypeAlias = Iterable[tuple[int, Mapping[str, Any]]]

PROCESSOR_TYPE: Final = "batching_log_processor"
_METER: Final = "fapilog_otel"
_LOG: Final = "{log_record}"


def meter_for(meter_provider: Any) -> Any:
    """Give the meter for our own metrics, or None where they are switched off.

    Args:
        meter_provider: The one that the application passed; None: the global one.
    """
    if os.environ.get(api.METRICS_SWITCH, "").strip().lower() != "true":
        if meter_provider is not None:
            get_diagnostics().report(
                "metrics.off",
                f"a meter_provider was given, but metrics are made only under {api.METRICS_SWITCH}=true",
                level="info",
            )
        return None
    from opentelemetry.metrics import get_meter_provider  # noqa: PLC0415 - only where metrics are wanted

    return (meter_provider or get_meter_provider()).get_meter(_METER)


def observe_provider(provider: LoggerProvider, meter_provider: Any, exporters: ExporterMetrics) -> bool:
    """Count a provider's records; give whether there is a meter.

    Args:
        provider: The provider.
        meter_provider: See `meter_for`.
        exporters: Knows its destinations.
    """
    meter = meter_for(meter_provider)
    if meter is None:
        return False

    def created(target: LoggerProvider) -> Points:
        engine = target.engine
        submitted = 0 if engine is None else sum(engine.core.submitted_counts())
        return [(submitted + target.processors.unsubmitted, {})]

    meter.create_observable_counter(
        "otel.sdk.log.created", [_callback(provider, created)], _LOG, "The number of logs submitted to enabled loggers"
    )
    _observe_stats(meter, provider, lambda target: target.engine)
    _observe_destinations(meter, provider, lambda target: target.engine, exporters)
    return True


def observe_processor(
    processor: FapilogLogRecordProcessor, engine: Engine, meter_provider: Any, exporters: ExporterMetrics
) -> None:
    """Count what a processor does with its records.

    Args:
        processor: The processor.
        engine: Its engine.
        meter_provider: See `meter_for`.
        exporters: Knows its destinations.
    """
    meter = meter_for(meter_provider)
    if meter is not None:
        held = weakref.ref(engine)
        _observe_stats(meter, processor, lambda _: held())
        _observe_destinations(meter, processor, lambda _: held(), exporters)


def observe_exporter(exporter: FapilogLogRecordExporter, meter_provider: Any, attributes: Mapping[str, Any]) -> Any:
    """Count what an exporter sends; give the histogram of how long its exports take, or None."""
    meter = meter_for(meter_provider)
    if meter is None:
        return None

    def exported(target: FapilogLogRecordExporter) -> Points:
        return [(number, with_error(attributes, reason)) for reason, number in target.outcomes.items()]

    def inflight(target: FapilogLogRecordExporter) -> Points:
        return [(target.in_flight, attributes)]

    _observe_exports(meter, _callback(exporter, exported), _callback(exporter, inflight))
    return meter.create_histogram(*DURATION)


def _observe_destinations(
    meter: Any, owner: Any, engine_of: Callable[[Any], Engine | None], exporters: ExporterMetrics
) -> None:
    _observe_exports(
        meter,
        _callback(owner, lambda target: exporters.exported(engine_of(target))),
        _callback(owner, lambda target: exporters.inflight(engine_of(target))),
    )
    exporters.histogram = meter.create_histogram(*DURATION)


def _observe_exports(meter: Any, exported: Any, inflight: Any) -> None:
    meter.create_observable_counter("otel.sdk.exporter.log.exported", [exported], _LOG, "The number of logs exported")
    meter.create_observable_up_down_counter(
        "otel.sdk.exporter.log.inflight", [inflight], _LOG, "The number of logs being exported"
    )


def _observe_stats(meter: Any, owner: Any, engine_of: Callable[[Any], Engine | None]) -> None:
    attributes = component(PROCESSOR_TYPE)

    def processed(target: Any) -> Points:
        stats: Stats = target.stats()
        done = stats.delivered + stats.failed + stats.filtered
        dropped = stats.dropped_by_reason.items()
        return [(done, attributes), *((number, with_error(attributes, reason)) for reason, number in dropped)]

    def waiting(target: Any) -> Points:
        return [(target.stats().in_flight, attributes)]

    def capacity(target: Any) -> Points:
        engine = engine_of(target)
        limit = None if engine is None else engine.spec.max_queue_size
        return [] if limit is None else [(limit, attributes)]

    meter.create_observable_counter(
        "otel.sdk.processor.log.processed", [_callback(owner, processed)], _LOG, "The number of logs processed"
    )
    meter.create_observable_up_down_counter(
        "otel.sdk.processor.log.queue.size", [_callback(owner, waiting)], _LOG, "The number of logs that wait"
    )
    meter.create_observable_up_down_counter(
        "otel.sdk.processor.log.queue.capacity", [_callback(owner, capacity)], _LOG, "The number of logs that may wait"
    )


def _callback(owner: Any, read: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    from opentelemetry.metrics import Observation  # noqa: PLC0415 - only where metrics are wanted

    held = weakref.ref(owner)

    def observe(options: Any) -> list[Any]:  # noqa: ARG001 - the signature is OpenTelemetry's
        target = held()
        return [] if target is None else [Observation(value, dict(attributes)) for value, attributes in read(target)]

    return observe
