from __future__ import annotations

import gc
import gzip
import json
import threading
import zlib
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.contracts.encoded_logs import Segment
from fapilog_otel.encode._native import Chunk as NativeChunk
from fapilog_otel.encode._wire import delimited
from fapilog_otel.encode.plan import EncodePlan
from fapilog_otel.encode.values import record_payload
from fapilog_otel.model.chunk import Chunk as PythonChunk
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope

SHOP, BANK = Resource({"service.name": "shop"}, "https://shop"), Resource({"service.name": "bank"})
CART = Scope("cart", "1", "https://cart", {"tier": "web"}, resource=SHOP)
PAY = Scope("pay", resource=SHOP)
TELLER = Scope("teller", resource=BANK)


def record(number: int, scope: Scope = CART, severity: int = 9, body: Any = None) -> Record:
    return Record(timestamp=number + 1, severity_number=severity, body=number if body is None else body, scope=scope)


def parsed(request: EncodedLogs) -> ExportLogsServiceRequest:
    return ExportLogsServiceRequest.FromString(b"".join(request.body()))


def times(request: EncodedLogs) -> list[int]:
    """Give the timestamps in the order in which they are sent."""
    return [
        item.time_unix_nano
        for resource in parsed(request).resource_logs
        for scope in resource.scope_logs
        for item in scope.log_records
    ]


@pytest.fixture(params=[NativeChunk, PythonChunk], ids=["native", "python"])
def chunk_type(request: pytest.FixtureRequest) -> Any:
    """Each form of chunk."""
    return request.param


@pytest.fixture
def chunk_of(chunk_type: Any) -> Any:
    """Makes a chunk of records."""

    def make(*records: Record) -> Any:
        chunk = chunk_type(1 << 20, 1)
        for one in records:
            payload = delimited(b"\x12", record_payload(one, EncodePlan()))
            chunk.append(payload, one.severity_number, one.scope)
        return chunk

    return make


@pytest.fixture
def request_of(chunk_of: Any) -> Any:
    """Makes a request of all records of one chunk."""
    return lambda *records: EncodedLogs([Segment(chunk_of(*records), 0, len(records))])


class TestCounting:
    def test_adds_up_over_the_segments(self, chunk_of: Any) -> None:
        first = chunk_of(*(record(n, severity=9) for n in range(4)))
        second = chunk_of(record(4, severity=17), record(5, severity=0))
        request = EncodedLogs([Segment(first, 1, 3), Segment(second, 0, 2)])
        assert (len(request), request.count) == (4, 4)
        assert request.size == first.offset(3) - first.offset(1) + second.length
        assert request.severity_counts() == {9: 2, 17: 1, 0: 1}
        assert request.max_severity == 17
        assert repr(request) == f"EncodedLogs(count=4, size={request.size})"

    def test_from_records_refuses_none(self) -> None:
        with pytest.raises(ValueError, match="at least one record"):
            EncodedLogs.from_records([])

    def test_from_records_keeps_their_order_and_values(self) -> None:
        records = [record(n, scope, body="x" * 300_000) for n, scope in enumerate([CART, TELLER, CART, PAY])]
        records = [one.replace(body=n) for n, one in enumerate(records)]
        assert list(EncodedLogs.from_records(records).records()) == records


class TestProtobufBody:
    def test_is_what_opentelemetry_proto_reads(self, request_of: Any) -> None:
        message = parsed(request_of(record(0), record(1, severity=17)))
        (resource_logs,) = message.resource_logs
        (scope_logs,) = resource_logs.scope_logs
        assert resource_logs.resource.attributes[0].value.string_value == "shop"
        assert resource_logs.schema_url == "https://shop"
        assert (scope_logs.scope.name, scope_logs.scope.version, scope_logs.schema_url) == (
            "cart", "1", "https://cart",
        )  # fmt: skip
        assert scope_logs.scope.attributes[0].key == "tier"
        assert [(r.time_unix_nano, r.severity_number) for r in scope_logs.log_records] == [(1, 9), (2, 17)]

    def test_groups_by_resource_and_scope(self, request_of: Any) -> None:
        request = request_of(*(record(n, [CART, TELLER, PAY][n % 3]) for n in range(7)))
        message = parsed(request)
        groups = {
            (resource.resource.attributes[0].value.string_value, scope.scope.name): [
                item.time_unix_nano for item in scope.log_records
            ]
            for resource in message.resource_logs
            for scope in resource.scope_logs
        }
        assert groups == {("shop", "cart"): [1, 4, 7], ("bank", "teller"): [2, 5], ("shop", "pay"): [3, 6]}
        assert len(message.resource_logs) == 2

    def test_equal_scopes_and_resources_of_several_chunks_are_one_group(self, chunk_of: Any) -> None:
        def twin() -> Scope:
            return Scope("n", "1", resource=Resource({"a": 1}))

        chunks = [chunk_of(record(n, twin())) for n in range(3)]
        request = EncodedLogs([Segment(chunk, 0, 1) for chunk in chunks])
        (resource_logs,) = parsed(request).resource_logs
        (scope_logs,) = resource_logs.scope_logs
        assert len(scope_logs.log_records) == 3

    @pytest.mark.parametrize(
        "other",
        [
            Scope("cart", "2", "https://cart", {"tier": "web"}, resource=SHOP),
            Scope("cart", "1", "https://other", {"tier": "web"}, resource=SHOP),
            Scope("cart", "1", "https://cart", {"tier": "db"}, resource=SHOP),
            Scope("cart", "1", "https://cart", {"tier": "web"}, resource=Resource({"service.name": "shop"})),
        ],
        ids=["version", "schema url", "attributes", "resource's schema url"],
    )
    def test_scopes_that_differ_in_anything_stay_apart(self, request_of: Any, other: Scope) -> None:
        message = parsed(request_of(record(0), record(1, other)))
        assert sum(len(resource.scope_logs) for resource in message.resource_logs) == 2

    def test_sends_only_the_records_of_the_range(self, chunk_of: Any) -> None:
        chunk = chunk_of(*(record(n, [CART, PAY][n % 2]) for n in range(8)))
        assert sorted(times(EncodedLogs([Segment(chunk, 2, 5)]))) == [3, 4, 5]

    def test_is_made_of_views_of_the_chunk(self, chunk_of: Any) -> None:
        chunk = chunk_of(*(record(n, body="x" * 1000) for n in range(50)))
        request = EncodedLogs([Segment(chunk, 0, 50)])
        views = [buffer for buffer in request.body() if isinstance(buffer, memoryview)]
        assert sum(map(len, views)) == request.size == chunk.length
        assert all(view.readonly and view.obj in (chunk, getattr(chunk, "data", None)) for view in views)

    def test_copies_only_what_is_small(self, chunk_of: Any) -> None:
        chunk = chunk_of(*(record(n, [CART, PAY][n % 2]) for n in range(100)))
        body = EncodedLogs([Segment(chunk, 0, 100)]).body()
        assert len(body) == 1
        assert isinstance(body[0], bytes)

    def test_of_a_scope_without_anything_is_still_an_envelope(self, request_of: Any) -> None:
        message = parsed(request_of(record(0, Scope())))
        assert len(message.resource_logs[0].scope_logs[0].log_records) == 1

    def test_lengths_of_any_width_are_right(self, request_of: Any) -> None:
        for size in (10, 100, 120, 127, 128, 16_000, 16_384, 70_000):
            assert parsed(request_of(record(0, body="x" * size))).resource_logs[0].scope_logs[0].log_records


class TestOtherBodies:
    def test_json_says_the_same(self, request_of: Any) -> None:
        (body,) = request_of(record(0), record(1, TELLER)).body("json")
        message = json.loads(bytes(body))
        assert [resource["scopeLogs"][0]["scope"]["name"] for resource in message["resourceLogs"]] == ["cart", "teller"]

    def test_gzip_and_deflate_hold_the_plain_body(self, request_of: Any) -> None:
        request = request_of(*(record(n) for n in range(20)))
        for encoding in ("protobuf", "json"):
            plain = b"".join(request.body(encoding))
            assert gzip.decompress(b"".join(request.body(encoding, "gzip"))) == plain
            assert zlib.decompress(b"".join(request.body(encoding, "deflate"))) == plain

    @pytest.mark.parametrize("encoding", ["protobuf", "json"])
    @pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
    def test_each_is_made_once(self, request_of: Any, encoding: Any, compression: Any) -> None:
        request = request_of(record(0))
        assert request.body(encoding, compression) is request.body(encoding, compression)

    def test_the_plain_body_is_shared_with_the_compressed_ones(self, request_of: Any) -> None:
        request = request_of(record(0))
        request.body("json", "gzip")
        assert request.body("json") is request.body("json", "none")

    def test_threads_get_equal_bodies(self, request_of: Any) -> None:
        request = request_of(*(record(n) for n in range(200)))
        found: list[bytes] = []
        threads = [threading.Thread(target=lambda: found.append(b"".join(request.body()))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 1


class TestRecords:
    def test_are_decoded_once_and_shared(self, request_of: Any) -> None:
        given = [record(0), record(1, TELLER, 17, {"a": [1, b"x"]})]
        request = request_of(*given)
        assert list(request.records()) == given
        assert request.records() is request.records()
        assert request.records()[1].scope is TELLER

    def test_are_those_of_the_range(self, chunk_of: Any) -> None:
        chunk = chunk_of(*(record(n) for n in range(6)))
        request = EncodedLogs([Segment(chunk, 4, 6), Segment(chunk, 0, 1)])
        assert [one.body for one in request.records()] == [4, 5, 0]


class TestSplit:
    @pytest.mark.parametrize("sizes", [(2,), (3,), (1, 1), (1, 4), (4, 1), (2, 2, 2), (1, 1, 1, 1, 1), (7, 1, 3)])
    def test_gives_halves_in_order(self, chunk_of: Any, sizes: tuple[int, ...]) -> None:
        numbers = iter(range(100))
        segments = [Segment(chunk_of(*(record(next(numbers)) for _ in range(size))), 0, size) for size in sizes]
        request = EncodedLogs(segments)
        left, right = request.split()
        assert (left.count, right.count) == (request.count // 2, request.count - request.count // 2)
        assert left.size + right.size == request.size
        assert [*left.records(), *right.records()] == list(request.records())
        assert sorted(times(left) + times(right)) == sorted(times(request))

    def test_ends_at_a_single_record(self, request_of: Any) -> None:
        parts, singles = [request_of(*(record(n) for n in range(13)))], []
        while parts:
            part = parts.pop()
            if part.count == 1:
                singles.append(part)
            else:
                parts.extend(part.split())
        assert sorted(one.records()[0].body for one in singles) == list(range(13))
        with pytest.raises(ValueError, match="one record cannot be split"):
            singles[0].split()


class TestMemory:
    def test_a_request_keeps_its_chunk_from_being_recycled(self) -> None:
        request = EncodedLogs.from_records([record(0)])
        chunk = NativeChunk(4096, 1)
        chunk.append(delimited(b"\x12", record_payload(record(0), EncodePlan())), 9, CART)
        pinned: Any = EncodedLogs([Segment(chunk, 0, 1)])
        assert chunk.exports > 0  # type: ignore[attr-defined]
        body = pinned.body("protobuf", "gzip")
        del pinned
        gc.collect()
        assert chunk.exports == 0  # type: ignore[attr-defined]
        assert len(body) == len(request.body("protobuf", "gzip")) == 1
