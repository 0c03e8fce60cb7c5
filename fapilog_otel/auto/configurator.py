"""The configurator for ``opentelemetry-instrument``: traces and metrics as the SDK has them, logs by our provider."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk import _configuration
from opentelemetry.sdk._configuration import _OTelSDKConfigurator

from fapilog_otel.auto.start import start

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "fapilog_otel"

_LOGS_EXPORTER: Final = "OTEL_LOGS_EXPORTER"
_HANDLER_SWITCH: Final = "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION"  # of opentelemetry-instrumentation-logging
_INIT_LOGGING: Final = "_init_logging"


class FapilogConfigurator(_OTelSDKConfigurator):
    """Sets the SDK up with our log provider where ``OTEL_PYTHON_CONFIGURATOR=fapilog_otel`` asks for it.

    Where it does not, it was loaded for being the first that is installed, and does what the SDK's own does. With
    ``OTEL_CONFIG_FILE`` the file says what logs go to; ``fapilog_otlp`` is among its exporters.
    """

    def _configure(self, **kwargs: Any) -> None:
        stock: Any = super()._configure
        if os.environ.get("OTEL_PYTHON_CONFIGURATOR") != NAME or os.environ.get("OTEL_CONFIG_FILE"):
            stock(**kwargs)
            return
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            stock(**kwargs)
            return
        found: dict[str, Any] = {}
        try:
            with _logs_left_out(found):
                stock(**kwargs)
        finally:  # what keeps spans and metrics from being set up is the caller's to report; logs go out all the same
            os.environ.setdefault(_HANDLER_SWITCH, "false")  # its handler would bring every record a second time
            resource = found.get("resource")
            start(**({} if resource is None else {"resource": resource}))


@contextmanager
def _logs_left_out(found: dict[str, Any]) -> Iterator[None]:
    """Keep the SDK from setting logs up for the block, and learn the resource that it made.

    Args:
        found: Gets ``resource``.
    """
    before = os.environ.get(_LOGS_EXPORTER)
    original = getattr(_configuration, _INIT_LOGGING, None)

    def init_logging(exporters: object, resource: Any = None, *args: object, **kwargs: object) -> None:
        del exporters, args, kwargs
        found["resource"] = resource

    os.environ[_LOGS_EXPORTER] = "none"  # the names may be of our exporters, which the SDK does not know
    if original is not None:
        setattr(_configuration, _INIT_LOGGING, init_logging)
    try:
        yield
    finally:
        if original is not None:
            setattr(_configuration, _INIT_LOGGING, original)
        if before is None:
            del os.environ[_LOGS_EXPORTER]
        else:
            os.environ[_LOGS_EXPORTER] = before
