"""What a ``fapilog.Settings`` sets, as our settings.

Only what is set there is carried over, by arguments or ``FAPILOG_*`` variables: fapilog's defaults are bounds for
another machine (a queue of 10 000 events, requests of 256), and ours stay where nobody has said otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CORE: Final[dict[str, tuple[str, Callable[[Any], object]]]] = {
    "log_level": ("level", str),
    "app_name": ("service_name", str),
    "max_queue_size": ("max_queue_size", int),
    "batch_max_size": ("max_export_batch_size", int),
    "batch_timeout_seconds": ("schedule_delay", float),
    "backpressure_wait_ms": ("block_timeout", lambda value: value / 1000),
    "drop_on_full": ("on_full", lambda value: "drop" if value else "block"),
    "shutdown_timeout_seconds": ("shutdown_timeout", float),
    "default_bound_context": ("attributes", dict),
}

_STAGES: Final = ("field_mask", "regex_mask", "field_blocker", "string_truncate")
_STAGE_OPTIONS: Final = {
    "field_mask": ("fields_to_mask", "mask_string"),
    "regex_mask": ("patterns", "mask_string"),
    "field_blocker": ("blocked_fields", "allowed_fields"),
    "string_truncate": ("max_string_length",),
}
_FILTERS: Final = ("sampling", "trace_sampling", "rate_limit")
_LISTS: Final = frozenset(("fields_to_mask", "patterns", "blocked_fields", "allowed_fields"))
_PREFIX: Final = "data."

# What has no counterpart, and what is so here instead.
_WITHOUT: Final = {
    "sinks": "fapilog's sinks are not carried over; give endpoint= or exporters=",
    "redaction_fail_mode": "a redactor that fails always hides what it should have redacted",
    "protected_levels": "ERROR and above, AUDIT and SECURITY are protected",
    "sink_circuit_breaker_enabled": "every destination has a circuit breaker",
    "worker_count": "one thread delivers",
    "processors": "processors are not carried over; use fapilog_otel.pipeline.fapilog_adapter.FapilogStage",
    "error_dedupe_window_seconds": "no error is suppressed as a duplicate of another",
}


def carried_over(settings: Any) -> tuple[dict[str, object], tuple[str, ...]]:
    """Give our arguments for what is set, and a sentence for each thing set that has no counterpart.

    Args:
        settings: A ``fapilog.Settings``.

    Raises:
        ConfigError: It is none.
    """
    core: Any = getattr(settings, "core", None)
    if not hasattr(core, "model_fields_set"):
        raise ConfigError("settings", type(settings).__name__, "is no fapilog.Settings", "Give fapilog.Settings(…)")
    given = frozenset(core.model_fields_set)
    found = {ours: read(getattr(core, theirs)) for theirs, (ours, read) in _CORE.items() if theirs in given}
    stages = [*_redactors(settings, core), *_filters(settings, core)]
    if stages:
        found["stages"] = stages
    if "redactors" in given and not core.redactors:
        found["redaction"] = {"enabled": False}
    remarks = [f"fapilog's core.{name}: {said}" for name, said in _WITHOUT.items() if name in given]
    unknown = [name for name in core.filters if name not in _FILTERS and name != "level"]
    remarks += [f"fapilog's filter {name} is not carried over; use FapilogStage" for name in unknown]
    return found, tuple(remarks)


def _redactors(settings: Any, core: Any) -> Iterator[dict[str, object]]:
    wanted = {name.replace("-", "_").lower() for name in core.redactors}
    for name in _STAGES:
        config = getattr(settings.redactor_config, name)
        if name not in wanted or not config.model_fields_set:
            continue
        options = {option: _option(option, getattr(config, option)) for option in _STAGE_OPTIONS[name]}
        yield {"name": name, **{option: value for option, value in options.items() if value not in (None, [])}}


def _option(option: str, value: Any) -> object:
    """Give a value without the part of fapilog's envelope that attributes stand in."""
    return [str(item).removeprefix(_PREFIX) for item in value] if option in _LISTS else value


def _filters(settings: Any, core: Any) -> Iterator[dict[str, object]]:
    for name in _FILTERS:
        if name in core.filters:
            config = dict(getattr(settings.filter_config, name))
            inner = config.get("config")
            yield {"name": name, **(inner if isinstance(inner, dict) else config)}
