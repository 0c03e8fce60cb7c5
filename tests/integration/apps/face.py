"""Logs the workload through the global log provider that one of the ways to install us has made."""

from __future__ import annotations

import faulthandler
import json
import sys
from dataclasses import asdict

from opentelemetry import _logs

from tests.integration.workload import LogsApi, Workload


def ours_set_as_global() -> object:
    import fapilog_otel

    provider = fapilog_otel.LoggerProvider()
    _logs.set_logger_provider(provider)
    return provider


def named_by_variable() -> object:
    return _logs.get_logger_provider()


def configured() -> object:
    import fapilog_otel

    return fapilog_otel.configure().provider


def stock_configurator() -> object:
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator

    _OTelSDKConfigurator().configure(auto_instrumentation_version=None)
    return _logs.get_logger_provider()


def main() -> None:
    faulthandler.enable()
    provider = globals()[sys.argv[1]]()
    workload = Workload(LogsApi(_logs.get_logger_provider()))
    workload.write()
    print(json.dumps({"spans": workload.written(), "resource": dict(provider.resource.attributes)}))
    if stats := getattr(provider, "stats", None):
        assert provider.force_flush()
        print(json.dumps({"stats": asdict(stats()), "balanced": stats().balanced}))


main()
