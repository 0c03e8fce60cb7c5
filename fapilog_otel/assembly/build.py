"""From settings to the parts of an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fapilog_otel.buffer.spec import Destination, EngineSpec
from fapilog_otel.contracts import Exporter, exporter_traits
from fapilog_otel.delivery import BreakerPolicy, RetryPolicy
from fapilog_otel.delivery.claims import BranchSettings
from fapilog_otel.model.severity import parse_level
from fapilog_otel.pipeline import build_chain, default_redaction, make_stage
from fapilog_otel.pipeline.enrich import BaggageEnricher
from fapilog_otel.pipeline.filter import SamplingFilter
from fapilog_otel.plugins import check_allow_list, load_exporter_factory, load_stage
from fapilog_otel.plugins.manifest import STAGE_GROUP, available
from fapilog_otel.settings.located import located
from fapilog_otel.telemetry.diagnostics import Diagnostics, get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fapilog_otel.contracts import Stage
    from fapilog_otel.delivery.spool import SpoolPolicy
    from fapilog_otel.encode.plan import Redaction
    from fapilog_otel.pipeline import Chain
    from fapilog_otel.settings import Settings
    from fapilog_otel.telemetry.operations import Operation

_COMMON_KEYS = ("optional", "level", "max_request_size")
_OTLP_TYPES = ("otlp_http", "otlp_grpc")
_UNBOUNDED = 1 << 31


def chain_from(settings: Settings, diagnostics: Diagnostics | None = None) -> Chain:
    """Compile the pipeline that settings describe.

    Raises:
        ConfigError: A stage is unknown or cannot be built.
    """
    diagnostics = diagnostics or get_diagnostics()

    def report(name: str, error: BaseException) -> None:
        diagnostics.report(f"stage.{name}", f"stage {name!r} failed; the record went on", cause=repr(error))

    redaction = _redaction(settings)
    with located(settings, "stages", "without"):
        return build_chain(
            stages=_stages(settings),
            without=settings.without,
            limits=settings.limits.as_limits(),
            redaction=redaction,
            static_attributes=settings.attributes,
            report=report,
        )


def _redaction(settings: Settings) -> Redaction | None:
    if not settings.redaction.enabled:
        return None
    with located(settings, section="redaction"):
        return default_redaction(
            extra_keys=settings.redaction.keys,
            extra_patterns=settings.redaction.patterns,
            allow=settings.redaction.allow,
            mask=settings.redaction.mask,
        )


def _stages(settings: Settings) -> list[Stage]:
    made: list[Stage] = []
    if settings.sample is not None:
        made.append(SamplingFilter(rate=settings.sample))
    if settings.baggage:
        made.append(BaggageEnricher(settings.baggage))
    names = set(available(STAGE_GROUP))
    factories = {name: _plugin(name, settings.plugins) for name in names}
    made.extend(make_stage(spec, factories) for spec in settings.stages)
    return made


def _plugin(name: str, allow: Sequence[str]) -> Callable[..., Stage]:
    def make(**options: object) -> Stage:
        return load_stage(name, allow, options)

    return make


def retry_policy(settings: Settings) -> RetryPolicy:
    """Give the backoff that settings describe."""
    retry = settings.retry
    return RetryPolicy(
        initial=retry.initial,
        maximum=retry.maximum,
        multiplier=retry.multiplier,
        jitter=retry.jitter,
        retry_after_cap=retry.retry_after_cap,
    )


def breaker_policy(settings: Settings) -> BreakerPolicy | None:
    """Give the circuit breaker that settings describe; None: none."""
    breaker = settings.breaker
    return BreakerPolicy(breaker.failures, breaker.open_for) if breaker.enabled else None


def exporter_from(name: str, config: Mapping[str, object] | Exporter, allow: Sequence[str] = ()) -> Exporter:
    """Build one destination's exporter and have it check itself.

    Args:
        name: Destination name.
        config: An exporter, or a configuration with ``type`` and the exporter's own keys.
        allow: Third-party plugins that may be loaded.

    Raises:
        ConfigError: The exporter is unknown or its configuration cannot be used.
    """
    if isinstance(config, Mapping):
        own = {key: value for key, value in config.items() if key not in _COMMON_KEYS and key != "type"}
        exporter = load_exporter_factory(str(config.get("type", name)), allow).create(own)
    else:
        exporter = config
    exporter.validate()
    return exporter


def configured_exporter(name: str, config: Mapping[str, object] | Exporter, settings: Settings) -> Exporter:
    """Build the exporter of a destination that settings describe; see `exporter_from`.

    Raises:
        ConfigError: As `exporter_from`, with the key's full name and the origin of its value.
    """
    if not isinstance(config, Mapping) and name not in (settings.exporters or {}):
        return exporter_from(name, config, settings.plugins)  # made by the caller: its settings are none of ours
    with located(settings, destination=name):
        return exporter_from(name, config, settings.plugins)


def destination_for(
    name: str, config: Mapping[str, object] | Exporter, settings: Settings, exporter: Exporter | None = None
) -> Destination:
    """Build one destination.

    Args:
        name: Destination name.
        config: See `exporter_from`.
        settings: Bounds and defaults.
        exporter: An exporter that is already built, in place of ``config``'s.
    """
    exporter = exporter or configured_exporter(name, config, settings)
    common: dict[str, Any] = {}
    if isinstance(config, Mapping):
        common = {key: config[key] for key in _COMMON_KEYS if key in config}
    traits = exporter_traits(exporter)
    suits = traits.request_size if settings.origin("max_request_size") == "default" else None
    request_size = common.get("max_request_size", suits or settings.max_request_size)
    level = common.get("level")
    return Destination(
        BranchSettings(
            name,
            max_bytes=settings.max_queue_bytes,
            max_request_size=request_size or _UNBOUNDED,
            max_batch=settings.max_export_batch_size or _UNBOUNDED,
            max_in_flight=settings.max_in_flight or traits.max_in_flight,
            copies=traits.copies,
            optional=bool(common.get("optional", False)),
            level=0 if level is None else parse_level(level),
        ),
        exporter,
        _own_timeout(config),
    )


def _own_timeout(config: Mapping[str, object] | Exporter) -> float | None:
    """Give the seconds an attempt that an OTLP destination asks for; what others call a timeout is theirs to obey."""
    if not isinstance(config, Mapping) or config.get("type") not in _OTLP_TYPES:
        return None
    given = config.get("timeout")
    return None if given is None else float(str(given))  # the exporter's settings have checked it


def engine_spec(
    settings: Settings,
    *,
    destinations: Sequence[Destination] | None = None,
    diagnostics: Diagnostics | None = None,
    on_operation: Callable[[Operation], None] | None = None,
) -> EngineSpec:
    """Give everything that an engine needs.

    Args:
        settings: Resolved settings.
        destinations: In place of those that the settings describe (the processor face's exporter).
        diagnostics: Where to report; None: the process's.
        on_operation: Told of each delivery that has ended; must not raise.

    Raises:
        ConfigError: Something in the settings cannot be built, or the spool's directory cannot be used.
    """
    with located(settings, "plugins"):
        check_allow_list(settings.plugins)
    diagnostics = diagnostics or get_diagnostics()
    if destinations is None:
        configured = settings.destinations()
        destinations = [destination_for(name, config, settings) for name, config in configured.items()]
    return EngineSpec(
        chain=chain_from(settings, diagnostics),
        destinations=destinations,
        diagnostics=diagnostics,
        retry=retry_policy(settings),
        timeout=settings.timeout,
        schedule_delay=settings.schedule_delay,
        chunk_size=settings.chunk_size,
        block_timeout=settings.block_timeout if settings.on_full == "block" else 0.0,
        max_queue_size=settings.max_queue_size,
        max_batch=settings.max_export_batch_size,
        spool=_spool_policy(settings, diagnostics),
        spill=settings.on_full == "spill",
        breaker=breaker_policy(settings),
        on_operation=on_operation,
    )


def _spool_policy(settings: Settings, diagnostics: Diagnostics) -> SpoolPolicy | None:
    """Give the spool that settings describe, its directory made and checked."""
    if settings.spool is None:
        return None
    from fapilog_otel.delivery.spool import Spool, SpoolPolicy  # noqa: PLC0415 - it loads sqlite3, which only a spool needs

    policy = SpoolPolicy(directory=settings.spool, max_bytes=settings.spool_max_bytes)
    with located(settings, "spool"):
        Spool(policy, diagnostics).prepare()
    return policy
