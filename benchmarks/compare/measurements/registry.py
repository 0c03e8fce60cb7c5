"""All measurements, by the name on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.compare.measurements import (
    allocations,
    event_loop,
    hanging,
    latency,
    overload,
    receiving,
    scaling,
    starting,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.compare.destinations import Destinations
    from benchmarks.compare.measurements.table import Plan, Table

MEASUREMENTS: Final[dict[str, Callable[[Plan, Destinations], Table]]] = {
    module.KEY: module.measure
    for module in (latency, event_loop, overload, hanging, allocations, starting, scaling, receiving)
}
