"""A request's worth of encoded records, immutable and shared: what every exporter receives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from fapilog_otel.encode.assemble import assemble_request
from fapilog_otel.encode.compress import compress
from fapilog_otel.encode.decode import decode_record
from fapilog_otel.encode.writer import chunks_from_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fapilog_otel.model.chunk import ChunkLike
    from fapilog_otel.model.record import Record

Encoding: TypeAlias = Literal["protobuf", "json"]
Compression: TypeAlias = Literal["none", "gzip", "deflate"]
Buffers: TypeAlias = "tuple[bytes | memoryview, ...]"


class Segment(NamedTuple):
    """Records ``lo`` up to, not including, ``hi`` of a sealed chunk."""

    chunk: ChunkLike
    lo: int
    hi: int


class EncodedLogs:
    """Encoded log records, ready to be sent as one ``ExportLogsServiceRequest``.

    Args:
        segments: Ranges of sealed chunks, in the order in which the records were written; together at least one record.
    """

    __slots__ = ("_bodies", "_pins", "_records", "count", "segments", "size")

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = tuple(segments)
        self._pins = [segment.chunk.view() for segment in self.segments]  # a viewed chunk is never recycled
        self.count = sum(hi - lo for _, lo, hi in self.segments)
        self.size = sum(chunk.offset(hi) - chunk.offset(lo) for chunk, lo, hi in self.segments)
        self._bodies: dict[tuple[str, str], Buffers] = {}
        self._records: tuple[Record, ...] | None = None

    @classmethod
    def from_records(cls, records: Iterable[Record]) -> EncodedLogs:
        """Encode records that are at hand as values (the exporter face, tests).

        Raises:
            ValueError: There is no record.
        """
        segments = [Segment(chunk, 0, chunk.count) for chunk in chunks_from_records(records)]
        if not segments:
            raise ValueError("EncodedLogs needs at least one record; an empty envelope is never sent")
        return cls(segments)

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        return f"EncodedLogs(count={self.count}, size={self.size})"

    @property
    def max_severity(self) -> int:
        """The highest severity number among the records."""
        return max(self.severity_counts())

    def severity_counts(self) -> dict[int, int]:
        """Count the records by severity number."""
        counts: dict[int, int] = {}
        for chunk, lo, hi in self.segments:
            for severity, number in chunk.severity_counts(lo, hi).items():
                counts[severity] = counts.get(severity, 0) + number
        return counts

    def body(self, encoding: Encoding = "protobuf", compression: Compression = "none") -> Buffers:
        """Give the request body as buffers to be written one after the other, made once and cached.

        Args:
            encoding: ``"protobuf"`` (uncompressed: views of the chunks, nothing copied) or ``"json"`` (OTLP/JSON).
            compression: ``"none"``, ``"gzip"`` (RFC 1952) or ``"deflate"`` (zlib format, RFC 1950).

        Returns:
            Buffers; ``sum(map(len, ...))`` is the Content-Length in bytes.
        """
        key = (encoding, compression)
        body = self._bodies.get(key)
        if body is None:
            body = self._bodies[key] = self._make_body(encoding, compression)
        return body

    def _make_body(self, encoding: Encoding, compression: Compression) -> Buffers:
        if compression != "none":
            return (compress(self.body(encoding), compression),)
        if encoding == "protobuf":
            return assemble_request(self.segments)
        from fapilog_otel.encode.json import encode_json_request  # noqa: PLC0415 - only JSON destinations pay for it

        return (encode_json_request(self.records()),)

    def records(self) -> tuple[Record, ...]:
        """Give the records as values, decoded on first use and cached.

        Records of one chunk keep their order; several chunks (severity bands) are merged by observed time.
        """
        if self._records is None:
            records = [
                decode_record(payload, scope)
                for chunk, lo, hi in self.segments
                for payload, scope in chunk.payloads(lo, hi)
            ]
            if len(self.segments) > 1:
                records.sort(key=lambda record: record.observed_timestamp)
            self._records = tuple(records)
        return self._records

    def split(self) -> tuple[EncodedLogs, EncodedLogs]:
        """Give two halves, by record count and in order.

        Raises:
            ValueError: A single record cannot be split.
        """
        if self.count < 2:
            raise ValueError("a request of one record cannot be split")
        left: list[Segment] = []
        right: list[Segment] = []
        wanted = self.count // 2
        for chunk, lo, hi in self.segments:
            middle = min(hi, lo + wanted)
            if middle > lo:
                left.append(Segment(chunk, lo, middle))
            if hi > middle:
                right.append(Segment(chunk, middle, hi))
            wanted -= middle - lo
        return EncodedLogs(left), EncodedLogs(right)
