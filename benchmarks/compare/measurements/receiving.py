"""How many records the counting receiver takes, so that it is not what limits the fastest row.

The bodies are made before; the sender does nothing but push them, so its cost is that of the socket alone.
"""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.measurements.table import Plan, Table, number, rounded
from benchmarks.compare.verdict import Expected
from benchmarks.compare.workload import BODY

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.compare.destinations import Destinations, ReceiverProcess

KEY: Final = "receiver"
_KIB: Final = 1024
_RECORDS: Final = 1_200_000
_IN_FLIGHT: Final = 8
_GRPC_METHOD: Final = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
# What benchmarks.cores writes its records with.
_EXPECTED: Final = Expected((7).to_bytes(16, "big"), (8).to_bytes(8, "big"))


def measure(plan: Plan, destinations: Destinations) -> Table:
    """Push bodies of two sizes over HTTP and over gRPC."""
    table = Table(
        KEY,
        "The counting receiver by itself",
        ("protocol", "KiB a request", "records sent", "records counted", "records/s"),
        note="Bodies made beforehand, pushed over one HTTP connection, or with eight gRPC calls under way; the best of "
        "the rounds, for this is a limit.",
    )
    for protocol, push in (("http", _push_http), ("grpc", _push_grpc)):
        for size in (256 * _KIB, 1024 * _KIB):
            body, records = canned(size)
            requests = plan.of(_RECORDS / records, 4)
            rates = [
                requests * records / _pushed(push, destinations, protocol, body, requests, records, table.faults)
                for _ in range(plan.rounds)
            ]
            table.data[f"{protocol} {size // _KIB}"] = max(rates)
            sent = number(requests * records)
            table.rows.append([protocol, number(size / _KIB), sent, sent, rounded(max(rates))])
    return table


def canned(size: int) -> tuple[bytes, int]:
    """Give a request of about so many bytes in the comparison's record, and how many records it holds."""
    from benchmarks.cores import filled_chunk
    from fapilog_otel.contracts import EncodedLogs
    from fapilog_otel.contracts.encoded_logs import Segment

    records = size // (len(BODY) + 164)
    chunk = filled_chunk(is_native=True, records=records)
    return b"".join(EncodedLogs([Segment(chunk, 0, chunk.count)]).body()), records


def _pushed(
    push: Callable[[str, bytes, int], float],
    destinations: Destinations,
    protocol: str,
    body: bytes,
    requests: int,
    records: int,
    faults: list[str],
) -> float:
    """Give the seconds that the requests took, and add to the faults if not each record is there."""
    receiver: ReceiverProcess = destinations.counting(protocol)
    seconds = push(receiver.endpoint, body, requests)
    found: dict[str, Any] = receiver.examine(_EXPECTED, requests * records)
    faults += [f"{protocol}: {fault}" for fault in found["faults"]]
    if found["records"] != requests * records:
        faults.append(f"{protocol}: {requests * records} records were sent and {found['records']} counted")
    return seconds


def _push_http(endpoint: str, body: bytes, requests: int) -> float:
    host, _, port = endpoint.removeprefix("http://").partition(":")
    head = f"POST /v1/logs HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection((host, int(port))) as connection:
        begun = time.perf_counter()
        for _ in range(requests):
            connection.sendall(head)
            connection.sendall(body)
            reply = b""
            while b"\r\n\r\n" not in reply:
                reply += connection.recv(4096)
        return time.perf_counter() - begun


def _push_grpc(endpoint: str, body: bytes, requests: int) -> float:
    import grpc

    with grpc.insecure_channel(endpoint.removeprefix("http://")) as channel:
        export = channel.unary_unary(_GRPC_METHOD, bytes, bytes)  # messages go as they are
        export(body[:0])  # connects; an empty request holds no record
        with ThreadPoolExecutor(_IN_FLIGHT) as pool:
            begun = time.perf_counter()
            for _ in pool.map(lambda _: export(body), range(requests)):
                pass
            return time.perf_counter() - begun
