"""The distro for ``opentelemetry-instrument``: ``OTEL_PYTHON_DISTRO=fapilog_otel`` alone chooses all of ours."""

from __future__ import annotations

import os
from typing import Any, Final

from opentelemetry.instrumentation.distro import (  # type: ignore[attr-defined]  # the module is not checked by its authors
    BaseDistro,
    DefaultDistro,
)

from fapilog_otel.auto.configurator import NAME

_DEFAULTS: Final = {
    "OTEL_PYTHON_CONFIGURATOR": NAME,
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
}


class FapilogDistro(BaseDistro):  # type: ignore[misc]  # untyped, as above
    """Defaults of the environment where ``OTEL_PYTHON_DISTRO=fapilog_otel`` asks for them.

    Where it does not, it was loaded for being the first that is installed, and does what OpenTelemetry's own does.
    """

    def _configure(self, **kwargs: Any) -> None:
        if os.environ.get("OTEL_PYTHON_DISTRO") != NAME:
            stock = _stock_distro()
            stock._configure(**kwargs)  # noqa: SLF001 - its public twin does the same through a singleton
            return
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)


def _stock_distro() -> BaseDistro:
    try:
        from opentelemetry.distro import OpenTelemetryDistro  # noqa: PLC0415 - another distribution, which may be missing
    except ImportError:
        return DefaultDistro()
    return OpenTelemetryDistro()
