"""The small values of the spool: batch ids, lanes, checksums, errors, stored requests."""

from __future__ import annotations

import gzip
import json
import pickle
import uuid

import pytest

from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.delivery.spool import Row, SpoolError, StoredLogs
from fapilog_otel.delivery.spool.policy import PAGE
from fapilog_otel.delivery.spool.row import checksum, pack_lanes, unpack_lanes
from fapilog_otel.delivery.spool.uuid7 import uuid7, uuid_text
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope
from tests.unit.delivery.spool.spools import quick


class TestUuid7:
    def test_has_version_variant_and_the_time(self) -> None:
        made = uuid.UUID(bytes=uuid7(1_700_000_000_123_456_789))
        assert (made.version, made.variant) == (7, uuid.RFC_4122)
        assert made.int >> 80 == 1_700_000_000_123
        assert uuid_text(made.bytes) == str(made)

    def test_is_never_the_same_and_sorts_by_time(self) -> None:
        made = [uuid7(milliseconds * 1_000_000) for milliseconds in range(1000)]
        assert sorted(made) == made
        assert len({uuid7(5) for _ in range(1000)}) == 1000


class TestLanes:
    def test_come_back_as_they_were(self) -> None:
        for lanes in ({}, {9: 1}, {0: 5, 9: 70_000, 24: 1, 25: 2}):
            assert unpack_lanes(pack_lanes(lanes), sum(lanes.values()) or 1) == (lanes or {25: 1})

    @pytest.mark.parametrize(
        ("packed", "records", "counted"),
        [
            (b"123", 4, 4),
            ("text", 4, 4),
            (None, None, 1),
            (pack_lanes({9: 3}), 4, 4),
            (b"", -1, 1),
            (b"", 1 << 60, 1),
            (pack_lanes({26: 2}), 2, 2),
        ],
    )
    def test_that_are_damaged_still_count(self, packed: object, records: object, counted: int) -> None:
        assert unpack_lanes(packed, records) == {25: counted}


class TestChecksum:
    def test_does_not_depend_on_how_the_payload_is_cut(self) -> None:
        rest = (1, "a", b"lanes", b"batch", (1, 2, 3, 4, 5))
        assert checksum((b"ab", b"c"), *rest) == checksum((memoryview(b"abc"),), *rest)

    def test_differs_for_every_part(self) -> None:
        base = checksum((b"abc",), 1, "a", b"l", b"b", (1, 2, 3, 4, 5))
        others = [
            checksum((b"abd",), 1, "a", b"l", b"b", (1, 2, 3, 4, 5)),
            checksum((b"abc",), 2, "a", b"l", b"b", (1, 2, 3, 4, 5)),
            checksum((b"abc",), 1, "al", b"", b"b", (1, 2, 3, 4, 5)),
            checksum((b"abc",), 1, "a", b"lb", b"", (1, 2, 3, 4, 5)),
            *(
                checksum((b"abc",), 1, "a", b"l", b"b", tuple(7 if i == n else i for i in range(1, 6)))
                for n in range(1, 6)
            ),
        ]
        assert base not in others
        assert len(set(others)) == len(others)


class TestRow:
    def test_is_the_same_as_another_handle_of_the_same_request(self) -> None:
        one = Row("f", 1, "a", {9: 1}, 10, 5, b"x")
        assert one == Row("f", 1, "a", {9: 2}, 11, 6, b"y")
        assert len({one, Row("f", 2, "a", {9: 1}, 10, 5, b"x")}) == 2


class TestSpoolError:
    def test_survives_pickling(self) -> None:
        error = pickle.loads(pickle.dumps(SpoolError("no", reason="disk_full")))
        assert (str(error), error.reason) == ("no", "disk_full")


class TestPolicy:
    @pytest.mark.parametrize("mebibytes", [1, 2, 8, 64, 1024, 100_000])
    def test_leaves_most_of_the_bound_to_requests(self, mebibytes: int) -> None:
        policy = quick("x", max_bytes=mebibytes << 20)  # type: ignore[arg-type]
        assert policy.capacity > policy.max_bytes * 0.5
        assert policy.capacity + policy.ballast + policy.log_pages * PAGE + policy.round_bytes < policy.max_bytes


def logs(count: int) -> EncodedLogs:
    scope = Scope("test", resource=Resource({"service.name": "s"}))
    return EncodedLogs.from_records(
        Record(timestamp=i, observed_timestamp=i, severity_number=9 + i % 2, body=f"record {i}", scope=scope)
        for i in range(count)
    )


class TestStoredLogs:
    def stored(self, count: int) -> tuple[StoredLogs, EncodedLogs]:
        made = logs(count)
        return StoredLogs(b"".join(made.body()), made.severity_counts()), made

    def test_is_what_was_stored(self) -> None:
        stored, made = self.stored(5)
        assert (len(stored), stored.count, stored.size) == (5, 5, sum(map(len, made.body())))
        assert (stored.severity_counts(), stored.max_severity) == ({9: 3, 10: 2}, 10)
        assert b"".join(stored.body()) == b"".join(made.body())
        assert stored.segments == ()

    def test_is_not_copied_for_its_plain_body(self) -> None:
        data = b"".join(logs(3).body())
        assert StoredLogs(data, {9: 3}).body()[0] is data

    def test_has_every_other_form(self) -> None:
        stored, made = self.stored(5)
        assert gzip.decompress(b"".join(stored.body("protobuf", "gzip"))) == b"".join(made.body())
        assert json.loads(b"".join(stored.body("json"))) == json.loads(b"".join(made.body("json")))
        assert gzip.decompress(b"".join(stored.body("json", "gzip"))) == b"".join(made.body("json"))
        assert stored.records() == made.records()
        assert stored.body("json") is stored.body("json")

    def test_is_split_into_stored_halves(self) -> None:
        stored, made = self.stored(5)
        left, right = stored.split()
        assert isinstance(left, StoredLogs)
        assert (left.count, right.count) == (2, 3)
        assert left.records() + right.records() == made.records()
        assert left.severity_counts() == {9: 1, 10: 1}
        with pytest.raises(ValueError, match="cannot be split"):
            self.stored(1)[0].split()

    def test_that_is_malformed_says_so_only_when_decoded(self) -> None:
        stored = StoredLogs(b"\xff\xff", {9: 1})
        assert stored.body() == (b"\xff\xff",)
        with pytest.raises(ValueError, match=r"."):
            stored.records()
