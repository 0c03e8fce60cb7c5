"""How rate and cost follow threads, record size, attributes and destinations, and inputs where a cliff would be.

Cost is processor time of the whole sending process: a busy machine hardly changes it. What arrived is parsed, every
record: its span, the kind and length of its body, how many attributes it has.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.measurements import child
from benchmarks.compare.measurements.scaling_points import HARD, POINTS, SWEEPS, Point
from benchmarks.compare.measurements.sides import SIDES
from benchmarks.compare.measurements.table import Plan, Table, number, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.compare.destinations import Destinations

KEY: Final = "scaling"
_MOST_ROUNDS: Final = 3
_HARD_TITLE: Final = "no cliff"


def measure(plan: Plan, destinations: Destinations) -> Table:
    """Measure every input on both sides in turn."""
    table = Table(
        KEY,
        "Scaling, and inputs where a cliff would be",
        (
            "varied",
            "value",
            "bytes a record",
            "records/s",
            "MiB/s",
            "CPU ns a record",
            "CPU ns a byte",
            "SDK records/s",
            "SDK CPU ns a byte",
            "lost",
        ),
        left=2,
        note=(
            "The record of the table above but for what is varied; bytes are those on the wire, all destinations "
            'together. Our side with default stages and `on_full="block"`; nothing may be lost. The SDK writes fewer '
            "records, and has one processor a destination."
        ),
    )
    points: list[dict[str, Any]] = []
    for point in (*POINTS, *HARD):
        runs: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        for _ in range(min(plan.rounds, _MOST_ROUNDS)):
            for side in SIDES:
                run = _run(point, side, plan, destinations)
                table.faults += [f"{point.sweep} {point.label}, {side}: {fault}" for fault in run["faults"]]
                runs[side].append(run)
        points.append({"sweep": point.sweep, "label": point.label, "x": point.x, **_summary(runs)})
        print(f"{KEY}: {point.sweep} {point.label}", flush=True)
    table.data = {"points": points}
    table.rows = [_row(one) for one in points]
    return table


def _run(point: Point, side: str, plan: Plan, destinations: Destinations) -> dict[str, Any]:
    receiver = destinations.counting("http")
    if point.delay:
        receiver.ask(do="delay", seconds=point.delay)
    records = point.records(side, plan.scale)
    run = child.run("scaling_subject", side=side, endpoint=receiver.endpoint, records=records, point=point.as_dict())
    found = receiver.ask(do="shapes", trace_id=run["trace_id"])
    run |= {"arrived": found["records"] // point.destinations, "bytes": found["size"]}
    # The warm-up counts too: a request is not known to be of one or of the other.
    run["size"] = found["size"] / max(found["records"], 1) * point.destinations
    run["faults"] = [*child.disagreements(run, may_lose=False), *wrong_shapes(point, run, found)]
    return run


def wrong_shapes(point: Point, run: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Compare what arrived with what was written.

    Args:
        point: The input.
        run: The subject's account: ``written``, and ``large`` of them with the large body.
        found: ``records``, ``in_span``, and ``shapes``: how often each kind and length of body and number of
            attributes came.
    """
    faults = []
    if found["records"] != found["in_span"]:
        faults.append(f"{found['in_span']} of {found['records']} records are in the span")
    kind = "bytes_value" if point.binary else "string_value"
    wanted = {f"{kind} {point.body} {point.attributes}": (run["written"] - run["large"]) * point.destinations}
    if run["large"]:
        wanted[f"{kind} {64 * 1024} {point.attributes}"] = run["large"] * point.destinations
    if found["shapes"] != wanted:
        faults.append(f"arrived as {found['shapes']}, not as {wanted}")
    return faults


def _summary(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    summary: dict[str, Any] = {"lost": sum(run["written"] - run["arrived"] for run in runs["ours"])}
    for side, those in runs.items():
        size = statistics.median(run["size"] for run in those)
        cpu = statistics.median(run["cpu_s"] / run["records"] * 1e9 for run in those)
        rate = statistics.median(run["records"] / run["elapsed_s"] for run in those)
        summary[side] = {"size": size, "cpu_ns": cpu, "rate": rate, "cpu_ns_a_byte": cpu / size}
    return summary


def _row(point: Mapping[str, Any]) -> list[str]:
    ours, sdk = point["ours"], point["sdk"]
    return [
        SWEEPS.get(point["sweep"], _HARD_TITLE),
        point["label"],
        number(ours["size"]),
        rounded(ours["rate"]),
        number(ours["rate"] * ours["size"] / 1024 / 1024),
        number(ours["cpu_ns"]),
        f"{ours['cpu_ns_a_byte']:.2f}",
        rounded(sdk["rate"]),
        f"{sdk['cpu_ns_a_byte']:.1f}",
        number(point["lost"]),
    ]
