"""Plugins: exporters, stages and sources found by entry point, loaded when used, third-party ones only when allowed."""

from __future__ import annotations

from fapilog_otel.plugins.manifest import GROUPS, PluginInfo, available, describe
from fapilog_otel.plugins.registry import check_allow_list, load_exporter_factory, load_source, load_stage

__all__ = [
    "GROUPS",
    "PluginInfo",
    "available",
    "check_allow_list",
    "describe",
    "load_exporter_factory",
    "load_source",
    "load_stage",
]
