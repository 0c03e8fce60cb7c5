"""What the tests of the OTLP exporters share: requests, a raw HTTP server, certificates, captured diagnostics."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Resource, Scope

REPORTING_MODULES = (
    "fapilog_otel_exporters._headers",
    "fapilog_otel_exporters._plaintext",
    "fapilog_otel_exporters._tls",
    "fapilog_otel_exporters.otlp_grpc._exporter",
    "fapilog_otel_exporters.otlp_grpc._metadata",
    "fapilog_otel_exporters.otlp_grpc._outcome",
    "fapilog_otel_exporters.otlp_http._exporter",
    "fapilog_otel_exporters.otlp_http._outcome",
)
SCOPE = Scope("shop.cart", resource=Resource({"service.name": "shop"}))


def request_of(count: int = 1, body: str = "hello") -> EncodedLogs:
    """Give a request of records with bodies ``hello 0``, ``hello 1``, …."""
    return EncodedLogs.from_records(
        Record(
            timestamp=1_700_000_000_000_000_000 + number,
            observed_timestamp=1_700_000_000_000_000_000,
            severity_number=9,
            severity_text="INFO",
            body=f"{body} {number}",
            attributes={},
            scope=SCOPE,
        )
        for number in range(count)
    )


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until a condition holds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, "the condition did not come to hold in time"
        await asyncio.sleep(0.005)


class Reported:
    """What was reported through diagnostics."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def report(self, kind: str, event: str, /, *, level: str = "warning", **fields: object) -> None:
        self.lines.append((kind, event, fields))

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.lines]


def capture_diagnostics(monkeypatch: pytest.MonkeyPatch) -> Reported:
    """Collect what the exporters report instead of writing it to stderr."""
    reported = Reported()
    for name in REPORTING_MODULES:
        monkeypatch.setattr(importlib.import_module(name), "get_diagnostics", lambda: reported)
    return reported


@dataclass
class Answer:
    """One reply of `RawServer`.

    Args:
        data: Bytes as they are.
        close: Close the connection afterwards.
        reset: Close it with a TCP RST.
        pause: Seconds after ``data``.
        then: Bytes sent after the pause.
        hang: Do nothing more, until the peer closes.
        early: Answer as soon as the head is there, and read nothing more.
    """

    data: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    close: bool = False
    reset: bool = False
    pause: float = 0.0
    then: bytes = b""
    hang: bool = False
    early: bool = False


def reply(status: int = 200, body: bytes = b"", *headers: str, **options: object) -> Answer:
    """Give an answer with a Content-Length."""
    lines = [f"HTTP/1.1 {status} Text", f"Content-Length: {len(body)}", *headers, "", ""]
    return Answer("\r\n".join(lines).encode() + body, **options)  # type: ignore[arg-type]


@dataclass
class RawServer:
    """An HTTP server that sends exactly what it is told; the last answer is repeated."""

    answers: list[Answer]
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    port: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    tunnel: Callable[[str], tuple[str, int]] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.writers.append(writer)
        self.tasks.append(asyncio.current_task())  # type: ignore[arg-type]
        # A cancelled server task would be logged by asyncio as a failed callback.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            try:
                while await self._answer(reader, writer):
                    pass
            finally:
                self.open -= 1
                writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in rest if text)}
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        body = b"" if answer.early else await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests.append((line, headers, body))
        if line.startswith("CONNECT") and self.tunnel is not None:
            await self._tunnel(line.split()[1], answer, reader, writer)
            return False
        writer.write(answer.data)
        await writer.drain()
        await asyncio.sleep(answer.pause)
        writer.write(answer.then)
        await writer.drain()
        if answer.hang:
            await (asyncio.sleep(60) if answer.early else reader.read())
        if answer.reset:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        return not (answer.close or answer.reset or answer.early)

    async def _tunnel(
        self, target: str, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        assert self.tunnel is not None
        writer.write(answer.data)
        if b" 200 " not in answer.data:
            return
        far_reader, far_writer = await asyncio.open_connection(*self.tunnel(target))

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                while data := await source.read(65_536):
                    sink.write(data)
                    await sink.drain()
                sink.close()

        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    def drop_all(self) -> None:
        """Close every connection from this side."""
        for writer in self.writers:
            writer.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/logs"

    @property
    def https_url(self) -> str:
        return f"https://127.0.0.1:{self.port}/v1/logs"


CLIENT_PRELUDE = """
import asyncio, sys
from fapilog_otel.contracts import EncodedLogs
from fapilog_otel.model.record import Record
from fapilog_otel.model.scope import Scope
from fapilog_otel_exporters.otlp_grpc._exporter import OtlpGrpcExporter
from fapilog_otel_exporters.otlp_http._exporter import OtlpHttpExporter

record = Record(
    timestamp=1,
    observed_timestamp=1,
    severity_number=9,
    severity_text="INFO",
    body="x",
    attributes={},
    scope=Scope("shop"),
)
request = EncodedLogs.from_records([record])
"""


def run_client(code: str, endpoint: str, reports: str = "") -> str:
    """Run code in a process of its own that has both exporters and a ``request``; give its output.

    Args:
        code: What to run.
        endpoint: Its first argument.
        reports: What it has to say on stderr, among other things; empty: it says nothing.
    """
    command = [sys.executable, "-c", CLIENT_PRELUDE + code, endpoint]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stderr
    assert reports in finished.stderr if reports else finished.stderr == "", finished.stderr
    return finished.stdout


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def open_descriptors() -> int:
    """Count this process's descriptors, where the platform tells; else 0."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


@contextlib.asynccontextmanager
async def raw_server(
    *answers: Answer, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[RawServer]:
    """Run a `RawServer` on the test's loop."""
    server = RawServer(list(answers or (Answer(),)))
    listener = await asyncio.start_server(server.serve, host, port, ssl=tls, limit=1 << 20)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in server.tasks:
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)


class Pki:
    """Throw-away certificates as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.ca = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(self.ca)

    def server_context(self, *names: str, client_ca: trustme.CA | None = None, **options: object) -> ssl.SSLContext:
        """Give a server's context for names, and demand client certificates of an authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert(*(names or ("127.0.0.1", "localhost")), **options).configure_cert(context)  # type: ignore[arg-type]
        if client_ca is not None:
            client_ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def pair(self, name: str, authority: trustme.CA | None = None) -> tuple[Path, Path]:
        """Write a certificate and its key."""
        issued = (authority or self.authority).issue_cert(f"{name}.example")
        chain, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return chain, key


@contextlib.contextmanager
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Remove what the machine's environment says about proxies."""
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    yield
