"""The exception hierarchy and the one place where foreign exceptions become ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class FapilogOtelError(Exception):
    """Base of every exception that fapilog_otel raises."""


class ConfigError(FapilogOtelError, ValueError):
    """A setting that cannot be used, with its name, value, origin and remedy.

    Args:
        setting: Name of the setting as the user writes it (``endpoint``, ``FAPILOG_OTEL_TIMEOUT``).
        value: The offending value; callers mask secrets before they pass it.
        problem: What is wrong with it, one clause.
        remedy: What to write instead, one clause.
        origin: Where the value came from: ``argument``, ``environment NAME``, ``default``.
    """

    def __init__(self, setting: str, value: object, problem: str, remedy: str, origin: str = "argument") -> None:
        self.setting = setting
        self.value = value
        self.problem = problem
        self.remedy = remedy
        self.origin = origin
        super().__init__(_text(setting, value, origin, problem, remedy))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[str, object, str, str, str]]:
        return type(self), (self.setting, self.value, self.problem, self.remedy, self.origin)


def _text(setting: str, value: object, origin: str, problem: str, remedy: str) -> str:
    return f"{setting}={value!r} (from {origin}): {problem}. {remedy}"


def locate(error: ConfigError, setting: str, origin: str) -> None:
    """Have an error name its setting in full, and where the value came from: what raised it may know neither.

    Args:
        error: Changed in place, so that it keeps its type and traceback.
        setting: Name of the setting as the user writes it.
        origin: ``argument``, ``environment NAME``, ``preset NAME`` or ``default``.
    """
    error.setting, error.origin = setting, origin
    error.args = (_text(setting, error.value, origin, error.problem, error.remedy),)


class PluginError(ConfigError):
    """A plugin that is unknown, not allowed or failed to load."""


class DeliveryError(FapilogOtelError):
    """A request that a destination did not take.

    Args:
        message: What happened, already cut and stripped of control characters.
        reason: Short stable word used as the ``failed`` reason and the ``error.type`` attribute, e.g. ``http_400``.
    """

    def __init__(self, message: str, *, reason: str = "error") -> None:
        self.reason = reason
        super().__init__(message)


class PermanentError(DeliveryError):
    """A failure that a retry cannot mend (OTLP spec, "Failures": non-retryable).

    Args:
        message: What happened.
        reason: Short stable word for counters.
        too_large: True when a smaller request may pass (HTTP 413, gRPC "message larger than max"): it is split.
    """

    def __init__(self, message: str, *, reason: str = "permanent", too_large: bool = False) -> None:
        self.too_large = too_large
        super().__init__(message, reason=reason)


class RetryableError(DeliveryError):
    """A failure that a later attempt may mend.

    Args:
        message: What happened.
        delay: Seconds that the server asked to wait (Retry-After, RetryInfo); None: the backoff decides.
        reason: Short stable word for counters.
    """

    def __init__(self, message: str, *, delay: float | None = None, reason: str = "unavailable") -> None:
        self.delay = delay
        super().__init__(message, reason=reason)


@contextmanager
def map_exceptions(mapping: Mapping[type[BaseException], type[DeliveryError]]) -> Iterator[None]:
    """Turn library exceptions raised in the block into delivery errors of ours.

    Args:
        mapping: Library exception type to our type, tried in order; what is not listed passes through.

    Raises:
        DeliveryError: Of the mapped type, chained to the original.
    """
    try:
        yield
    except tuple(mapping) as error:
        for source, target in mapping.items():
            if isinstance(error, source):
                raise target(f"{type(error).__name__}: {error}") from error
        raise
