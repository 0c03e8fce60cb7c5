"""What a receiver answers decides between once more, never again, and in halves (OTLP specification, "Failures")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from fapilog_otel.testing import ChaosProxy, GrpcStatus, OtlpReceiver, ReceivedRequest, Reply, Script
from tests.faults.bridge import Bridge, bridge, port_of

RETRYABLE_HTTP = (429, 502, 503, 504)
PERMANENT_HTTP = (
    *(300, 301, 302, 303, 304, 305, 307, 308),
    *(
        400,
        401,
        402,
        403,
        404,
        405,
        406,
        408,
        409,
        410,
        411,
        412,
        414,
        415,
        416,
        417,
        421,
        422,
        425,
        426,
        428,
        431,
        451,
    ),
    *(500, 501, 505, 507, 508, 511, 599),
)
RETRYABLE_GRPC = ("CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS")
PERMANENT_GRPC = (
    *("UNKNOWN", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "FAILED_PRECONDITION"),
    *("UNIMPLEMENTED", "INTERNAL", "UNAUTHENTICATED", "RESOURCE_EXHAUSTED"),
)
TOO_LARGE_TEXTS = (
    ("RESOURCE_EXHAUSTED", "SERVER: Received message larger than max (5000 vs. 4096)"),
    ("RESOURCE_EXHAUSTED", "grpc: received message larger than max (5000 vs. 4096)"),
    ("RESOURCE_EXHAUSTED", "gRPC message exceeds maximum size 4096: 5000"),
    ("OUT_OF_RANGE", "Error, decoded message length too large: found 5000 bytes, the limit is: 4096 bytes"),
)
BATCH = 8
ALL = list(range(BATCH))


class Scene:
    """A receiver with a bridge to it.

    Args:
        receiver: The receiver.
        made: The bridge.
    """

    def __init__(self, receiver: OtlpReceiver, made: Bridge) -> None:
        self.receiver = receiver
        self.bridge = made

    def send(self, script: Any, count: int = BATCH) -> tuple[list[int], list[object], dict[str, int]]:
        """Send one batch under a script.

        Returns:
            The records in each request that came, the numbers of the records received, and what failed, by reason.
        """
        self.receiver.clear()
        self.receiver.script = script
        before = Counter(self.bridge.stats().failed_by_reason)
        for number in range(count):
            self.bridge.log.info("order placed", number=number)
        self.bridge.flush(20.0)
        stats = self.bridge.stats()
        assert stats.in_flight == 0
        failed = Counter(stats.failed_by_reason)
        failed.subtract(before)
        numbers = [log.attributes["number"] for log in self.receiver.logs]
        return [request.count for request in self.receiver.requests], list(numbers), dict(+failed)


def scene(protocol: str) -> Iterator[Scene]:
    with OtlpReceiver(grpc_port=0) as receiver:
        endpoint = receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint
        with bridge(endpoint, protocol) as made:
            yield Scene(receiver, made)


@pytest.fixture(scope="module")
def http() -> Iterator[Scene]:
    yield from scene("http/protobuf")


@pytest.fixture(scope="module")
def grpc() -> Iterator[Scene]:
    yield from scene("grpc")


@pytest.fixture(params=["http", "grpc"])
def either(request: pytest.FixtureRequest) -> Scene:
    found: Scene = request.getfixturevalue(request.param)
    return found


def failing(code: str, **details: Any) -> Reply:
    return Reply(grpc=GrpcStatus(code=code, **details))


class TestOverHttp:
    @pytest.mark.parametrize("status", [200, 201, 202, 203, 204, 206, 226, 299])
    def test_every_2xx_is_success(self, http: Scene, status: int) -> None:
        assert http.send([Reply(status=status)]) == ([BATCH], ALL, {})

    @pytest.mark.parametrize("status", RETRYABLE_HTTP)
    def test_four_are_tried_again_until_they_are_over(self, http: Scene, status: int) -> None:
        assert http.send([Reply(status=status)] * 3) == ([BATCH] * 4, ALL, {})

    @pytest.mark.parametrize("status", PERMANENT_HTTP)
    def test_every_other_is_final_and_counted(self, http: Scene, status: int) -> None:
        headers = {"Retry-After": "0"}  # nobody asked them
        assert http.send(Script(then=Reply(status=status, headers=headers))) == ([BATCH], [], {f"http_{status}": BATCH})

    def test_too_large_is_halved_down_to_what_fits(self, http: Scene) -> None:
        requests, numbers, failed = http.send(lambda request: Reply(status=413) if request.count > 1 else None)
        assert sorted(requests) == [1] * 8 + [2] * 4 + [4] * 2 + [8]
        assert (numbers, failed) == (ALL, {})

    def test_a_single_record_that_is_too_large_is_final(self, http: Scene) -> None:
        requests, numbers, failed = http.send(Script(then=Reply(status=413)), 2)
        assert (sorted(requests), numbers, failed) == ([1, 1, 2], [], {"too_large": 2})

    @pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
    def test_where_a_redirect_points_nobody_is_asked(self, http: Scene, status: int) -> None:
        with OtlpReceiver() as elsewhere, ChaosProxy("127.0.0.1", port_of(elsewhere.http_endpoint)) as proxy:
            reply = Reply(status=status, headers={"Location": proxy.endpoint + "/v1/logs"})
            assert http.send(Script(then=reply)) == ([BATCH], [], {f"http_{status}": BATCH})
            assert http.send(None) == ([BATCH], ALL, {})
            assert proxy.counts.connections == 0


class TestOverGrpc:
    @pytest.mark.parametrize("retry_delay", [None, 0.01])
    @pytest.mark.parametrize("code", RETRYABLE_GRPC)
    def test_six_are_tried_again_until_they_are_over(self, grpc: Scene, code: str, retry_delay: float | None) -> None:
        assert grpc.send([failing(code, retry_delay=retry_delay)] * 3) == ([BATCH] * 4, ALL, {})

    @pytest.mark.parametrize("code", PERMANENT_GRPC)
    def test_every_other_is_final_and_counted(self, grpc: Scene, code: str) -> None:
        assert grpc.send(Script(then=failing(code, details="no"))) == ([BATCH], [], {f"grpc_{code.lower()}": BATCH})

    @pytest.mark.parametrize("code", sorted({*PERMANENT_GRPC} - {"RESOURCE_EXHAUSTED"}))
    def test_retry_info_changes_nothing_about_them(self, grpc: Scene, code: str) -> None:
        reply = failing(code, retry_delay=0.01)
        assert grpc.send(Script(then=reply)) == ([BATCH], [], {f"grpc_{code.lower()}": BATCH})

    def test_exhausted_with_retry_info_is_tried_again(self, grpc: Scene) -> None:
        assert grpc.send([failing("RESOURCE_EXHAUSTED", retry_delay=0.01)] * 2) == ([BATCH] * 3, ALL, {})

    def test_exhausted_with_unreadable_details_is_final(self, grpc: Scene) -> None:
        reply = failing("RESOURCE_EXHAUSTED", trailing=(("grpc-status-details-bin", b"\xff\xff\xff"),))
        assert grpc.send(Script(then=reply)) == ([BATCH], [], {"grpc_resource_exhausted": BATCH})

    @pytest.mark.parametrize(("code", "details"), TOO_LARGE_TEXTS)
    def test_message_too_large_is_halved_down_to_what_fits(self, grpc: Scene, code: str, details: str) -> None:
        def refuse_large(request: ReceivedRequest) -> Reply | None:
            return failing(code, details=details) if request.count > 1 else None

        requests, numbers, failed = grpc.send(refuse_large)
        assert sorted(requests) == [1] * 8 + [2] * 4 + [4] * 2 + [8]
        assert (numbers, failed) == (ALL, {})


class TestPartialSuccess:
    @pytest.mark.parametrize("rejected", [1, BATCH - 1, BATCH])
    def test_is_counted_and_never_sent_again(self, either: Scene, rejected: int) -> None:
        reply = Reply(rejected=rejected, message="too old")
        assert either.send(Script(then=reply)) == ([BATCH], ALL[: BATCH - rejected], {"rejected": rejected})

    def test_of_more_than_there_were_counts_all(self, either: Scene) -> None:
        assert either.send([Reply(rejected=10**12)]) == ([BATCH], [], {"rejected": BATCH})

    @pytest.mark.parametrize("rejected", [0, -5])
    def test_with_nothing_rejected_is_success(self, either: Scene, rejected: int) -> None:
        assert either.send([Reply(rejected=rejected, message="please send less")]) == ([BATCH], ALL, {})
