"""VictoriaLogs, a log database: OTLP/HTTP in, LogsQL out."""

from __future__ import annotations

import calendar
import json
import re
import time
import urllib.parse
from typing import ClassVar

from fapilog_otel.receiver import ReceivedLog, ReceivedScope
from tests.receivers.build import VICTORIALOGS, build
from tests.receivers.process import DIRECT, HOST, ReceiverProcess

_LABEL = re.compile(r'([^{},="]+)="(?:[^"\\]|\\.)*"')
_NO_MESSAGE = "missing _msg field"
_SCOPE_ATTRIBUTE = "scope.attributes."


class VictoriaLogs(ReceiverProcess):
    """A single-node VictoriaLogs over a database of its own; it speaks OTLP over HTTP with protobuf only."""

    name: ClassVar[str] = "victorialogs"
    port_names: ClassVar[tuple[str, ...]] = ("http",)

    @property
    def http_endpoint(self) -> str:
        """Base URL of OTLP/HTTP, without `/v1/logs`."""
        return f"{self.endpoint('http')}/insert/opentelemetry"

    def query(self, logsql: str) -> list[dict[str, str]]:
        """The rows of a LogsQL query; every field is text."""
        self._call("/internal/force_flush")
        reply = self._call("/select/logsql/query", query=logsql)
        return [json.loads(line) for line in reply.splitlines()]

    def records(self, service: str | None = None) -> list[ReceivedLog]:
        """What the database holds, by time.

        It stores flat fields of text: nested values come back under dotted names, numbers as text, no severity
        number and no flags; a record without a timestamp has the time of its arrival.
        """
        where = "*" if service is None else f"service.name:={json.dumps(service)}"
        return [_record(row) for row in self.query(f"{where} | sort by (_time)")]

    def is_ready(self) -> bool:
        """Whether its health page says so."""
        return self.http_answers(f"{self.endpoint('http')}/health")

    def command(self) -> list[str]:
        """The command line."""
        return [
            str(build(VICTORIALOGS)),
            f"-storageDataPath={self.folder / 'data'}",
            f"-httpListenAddr={HOST}:{self.ports['http']}",
            "-inmemoryDataFlushInterval=1s",
            "-loggerLevel=WARN",
        ]

    def _call(self, path: str, **fields: str) -> str:
        url = f"{self.endpoint('http')}{path}"
        with DIRECT.open(url, urllib.parse.urlencode(fields).encode(), timeout=10) as reply:
            text: bytes = reply.read()
        return text.decode()


def _record(row: dict[str, str]) -> ReceivedLog:
    # Resource attributes are what it makes the stream's labels from, beside the event name.
    labels = set(_LABEL.findall(row.pop("_stream"))) - {"event_name"}
    body = row.pop("_msg", "")
    return ReceivedLog(
        body=None if body.startswith(_NO_MESSAGE) else body,
        severity_text=row.pop("severity", ""),
        trace_id=row.pop("trace_id", ""),
        span_id=row.pop("span_id", ""),
        timestamp=_nanoseconds(row.pop("_time")),
        event_name=row.pop("event_name", ""),
        scope=ReceivedScope(
            name=row.pop("scope.name", ""),
            version=row.pop("scope.version", ""),
            attributes={
                name.removeprefix(_SCOPE_ATTRIBUTE): row.pop(name)
                for name in [name for name in row if name.startswith(_SCOPE_ATTRIBUTE)]
            },
        ),
        resource={name: row.pop(name) for name in labels if name in row},
        attributes={name: value for name, value in row.items() if name != "_stream_id"},
    )


def _nanoseconds(text: str) -> int:
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    return calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) * 1_000_000_000 + int(fraction.ljust(9, "0"))
