"""A stored request as exporters receive it: its body is the row's bytes, decoded only by who asks for records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fapilog_otel.contracts.encoded_logs import EncodedLogs
from fapilog_otel.encode.compress import compress
from fapilog_otel.encode.decode import decode_request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fapilog_otel.contracts.encoded_logs import Buffers, Compression, Encoding
    from fapilog_otel.model.record import Record


class StoredLogs(EncodedLogs):
    """One encoded ``ExportLogsServiceRequest`` from disk; it has no segments.

    Args:
        data: The message, not compressed.
        lanes: Severity number to number of records.
    """

    __slots__ = ("_data", "_lanes")

    def __init__(self, data: bytes, lanes: Mapping[int, int]) -> None:
        super().__init__(())
        self._data = data
        self._lanes = dict(lanes)
        self.count = sum(self._lanes.values())
        self.size = len(data)

    @property
    def max_severity(self) -> int:
        """The highest severity number among the records."""
        return max(self._lanes, default=0)

    def severity_counts(self) -> dict[int, int]:
        """Count the records by severity number."""
        return dict(self._lanes)

    def _make_body(self, encoding: Encoding, compression: Compression) -> Buffers:
        if encoding == "protobuf":
            return (self._data,) if compression == "none" else (compress((self._data,), compression),)
        return super()._make_body(encoding, compression)

    def records(self) -> tuple[Record, ...]:
        """Give the records as values, decoded on first use and cached.

        Raises:
            ValueError: The message is malformed.
        """
        if self._records is None:
            self._records = tuple(decode_request(self._data))
        return self._records

    def split(self) -> tuple[EncodedLogs, EncodedLogs]:
        """Give two halves, by record count and in order, stored ones too.

        Raises:
            ValueError: A single record cannot be split.
        """
        records = self.records()
        if len(records) < 2:
            raise ValueError("a request of one record cannot be split")
        middle = len(records) // 2
        return _stored(records[:middle]), _stored(records[middle:])


def _stored(records: Sequence[Record]) -> StoredLogs:
    encoded = EncodedLogs.from_records(records)
    return StoredLogs(b"".join(encoded.body()), encoded.severity_counts())
