"""Points of metrics as the Collector's file exporter writes them, OTLP in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MetricPoint:
    """One point of one metric.

    Args:
        name: Name of the metric.
        attributes: Of the point.
        value: Its number; of a histogram, how many measurements it holds.
        resource: Attributes of the resource.
        time: ns since the epoch.
        total: Sum of a histogram's measurements; None: it is none.
    """

    name: str
    attributes: Mapping[str, Any]
    value: float
    resource: Mapping[str, Any]
    time: int
    total: float | None = None


def decode_metrics(line: bytes) -> Iterator[MetricPoint]:
    """The points of one request."""
    for resource in json.loads(line).get("resourceMetrics", ()):
        about = _attributes(resource.get("resource", {}))
        for scope in resource.get("scopeMetrics", ()):
            for metric in scope["metrics"]:
                for kind in ("sum", "gauge", "histogram"):
                    for point in metric.get(kind, {}).get("dataPoints", ()):
                        yield _point(metric["name"], point, about)


def _point(name: str, point: Mapping[str, Any], resource: Mapping[str, Any]) -> MetricPoint:
    attributes, time = _attributes(point), int(point["timeUnixNano"])
    if "bucketCounts" in point or "count" in point:
        return MetricPoint(name, attributes, int(point["count"]), resource, time, float(point["sum"]))
    value = point["asInt"] if "asInt" in point else point.get("asDouble", 0)
    return MetricPoint(name, attributes, float(value), resource, time)


def _attributes(owner: Mapping[str, Any]) -> dict[str, Any]:
    return {one["key"]: _value(one["value"]) for one in owner.get("attributes", ())}


def _value(value: Mapping[str, Any]) -> Any:
    if "intValue" in value:
        return int(value["intValue"])
    return next(iter(value.values()), None)
