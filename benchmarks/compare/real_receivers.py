"""The tests' real receivers, set up to take load: what they took in is read back as OTLP messages, not as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.receivers.build import BuildError
from tests.receivers.collector import Collector
from tests.receivers.process import ReceiverError
from tests.receivers.rotel import Rotel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["BuildError", "BusyRotel", "ReceiverError", "RecordingCollector"]

_LENGTH_BYTES = 4
_MAX_REQUEST_MIB = 64


class RecordingCollector(Collector):
    """The Collector, writing each request that it accepts as a protobuf message into a file."""

    def __init__(self) -> None:
        super().__init__(max_request_mib=_MAX_REQUEST_MIB)
        self._file: Path | None = None

    def bodies(self) -> Iterator[bytes]:
        """Give the messages in the file, fields in the order of their numbers.

        Each has its length before it, four bytes, most significant first. The Collector writes fields from last to
        first, which is as good protobuf, but the verdict looks for bytes in the usual order.
        """
        if self._file is None or not self._file.exists():
            return
        with self._file.open("rb") as file:
            while len(head := file.read(_LENGTH_BYTES)) == _LENGTH_BYTES:
                message = file.read(int.from_bytes(head, "big"))
                yield ExportLogsServiceRequest.FromString(message).SerializeToString()

    def _config(self, logs: str, spans: str, metrics: str) -> dict[str, object]:
        config: dict[str, Any] = super()._config(logs, spans, metrics)
        self._file = self.folder / "logs.binary"
        config["exporters"]["file/logs"] |= {"path": str(self._file), "format": "proto"}
        return config


class BusyRotel(Rotel):
    """rotel, forwarding over HTTP to the receiver that counts.

    Args:
        behind: Base URL of that receiver.
    """

    def __init__(self, behind: str) -> None:
        super().__init__()
        self._forward_to = behind

    def command(self) -> list[str]:
        """The command line, with the exporter turned to the receiver."""
        kept = [part for part in super().command() if not part.startswith(("--otlp-exporter-", "--batch-timeout"))]
        return [
            *kept,
            f"--otlp-exporter-endpoint={self._forward_to}",
            "--otlp-exporter-protocol=http",
            "--otlp-exporter-compression=none",
        ]
