"""A Collector for ten thousand records a test: it writes protobuf, which is read back in a fifth of JSON's time."""

from __future__ import annotations

import struct
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from fapilog_otel.receiver.decode import decode_logs
from tests.receivers import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fapilog_otel.receiver import ReceivedLog

_LENGTH = struct.Struct(">I")


class WholeCollector(Collector):
    """A Collector whose log records are read when it has stopped, and are then all there will ever be."""

    def stopped(self) -> list[ReceivedLog]:
        """Stop in good order and give every record, in order of arrival."""
        self.stop()
        files = sorted(self.folder.glob("logs-*.json"))
        return list(chain.from_iterable(decode_logs(message) for file in files for message in _messages(file)))

    def records(self, service: str | None = None) -> list[ReceivedLog]:
        """Not while it runs: the last message in the file may be half written."""
        raise NotImplementedError("read stopped()")

    def _config(self, logs: str, spans: str, metrics: str) -> dict[str, object]:
        config = super()._config(logs, spans, metrics)
        config["exporters"]["file/logs"]["format"] = "proto"  # type: ignore[index]
        return config


def _messages(file: Path) -> Iterator[bytes]:
    """The messages of a file of the Collector's file exporter, each behind its length."""
    content = file.read_bytes()
    offset = 0
    while offset < len(content):
        (length,) = _LENGTH.unpack_from(content, offset)
        offset += _LENGTH.size
        yield content[offset : offset + length]
        offset += length
