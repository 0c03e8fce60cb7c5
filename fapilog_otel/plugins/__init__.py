"""Plugins: exporters, stages and sources found by entry point, loaded when used, third-party ones only when allowed."""

from __future__ import annotations

from fapilog_otel.plugins.manifest import GROUPS, PluginInfo, available, describe
from fapilog_otel.plugins.registry import load_exporter_factory, load_source, load_stage

__all__ = [
    "GROUPS",
    "PluginInfo",
    "available",
    "describe",
    "load_exporter_factory",
    "load_source",
    "load_stage",
]
