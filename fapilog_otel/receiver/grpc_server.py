"""The gRPC side: generic handlers that take message bytes, so that decoding is shared with HTTP."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from fapilog_otel.receiver.exchange import Arrival
from fapilog_otel.receiver.payload import export_response, grpc_code, grpc_trailers
from fapilog_otel.receiver.script import Bomb, GrpcStatus

if TYPE_CHECKING:
    import grpc

    from fapilog_otel.receiver.exchange import Exchange
    from fapilog_otel.receiver.records import Signal
    from fapilog_otel.receiver.script import Reply

_SERVICES: dict[Signal, str] = {
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
}
_WORKERS = 8
_BIND_SECONDS = 5.0


class GrpcServer:
    """Serves OTLP/gRPC from `start` to `stop`, once.

    Args:
        exchange: Answers the requests.
        max_request_bytes: Limit of a message; a larger one gets RESOURCE_EXHAUSTED from gRPC itself.
        credentials: Server side of TLS; None: plaintext.
    """

    def __init__(self, exchange: Exchange, max_request_bytes: int, credentials: grpc.ServerCredentials | None) -> None:
        self._exchange = exchange
        self._limit = max_request_bytes
        self._credentials = credentials
        self._stopping = threading.Event()
        self._workers: ThreadPoolExecutor | None = None
        self._server: grpc.Server | None = None

    def start(self, host: str, port: int) -> int:
        """Listen, and serve in threads of gRPC's own.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0: a free one.

        Returns:
            The port.

        Raises:
            OSError: The address cannot be listened on.
        """
        import grpc

        options = (("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", self._limit))
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="fapilog-otel-receiver-grpc")
        self._server = grpc.server(self._workers, options=options)
        self._server.add_generic_rpc_handlers(tuple(self._handlers()))
        bound = self._bind(self._server, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        self._server.start()
        return bound

    def stop(self) -> None:
        """Stop listening, cancel every call and wait until all have ended."""
        self._stopping.set()
        if self._server is not None:
            self._server.stop(grace=0).wait()
        if self._workers is not None:
            self._workers.shutdown()
        self._server = self._workers = None

    def _bind(self, server: grpc.Server, address: str) -> int:
        deadline = time.monotonic() + _BIND_SECONDS
        while True:
            try:
                if self._credentials is None:
                    return server.add_insecure_port(address)
                return server.add_secure_port(address, self._credentials)
            except RuntimeError as error:
                # A listener that was stopped a moment ago lets its port go only some time later.
                if time.monotonic() > deadline:
                    raise OSError(f"gRPC cannot listen on {address}: {error}") from error
                time.sleep(0.05)

    def _handlers(self) -> list[grpc.GenericRpcHandler[bytes, bytes]]:
        import grpc

        handlers = []
        for signal, service in _SERVICES.items():
            method = grpc.unary_unary_rpc_method_handler(_Export(self, signal, f"/{service}/Export"))
            handlers.append(grpc.method_handlers_generic_handler(service, {"Export": method}))
        return handlers

    def export(self, signal: Signal, path: str, body: bytes, context: grpc.ServicerContext) -> bytes:
        """Answer one call; called by gRPC."""
        headers = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        reply = self._exchange.answer(Arrival("grpc", path, headers, signal, wire_size=len(body), body=body))
        if reply.delay and self._stopping.wait(reply.delay):
            _abort(context, GrpcStatus(code="UNAVAILABLE", details="the receiver is stopping"))
        if reply.headers:
            context.send_initial_metadata(tuple((name.lower(), value) for name, value in reply.headers.items()))
        status = reply.grpc or GrpcStatus(code=grpc_code(reply), details=reply.message)
        if trailers := grpc_trailers(status):
            context.set_trailing_metadata(trailers)
        if status.code != "OK":
            _abort(context, status)
        return _message(signal, reply, context)


class _Export:
    """One service's Export method."""

    __slots__ = ("_path", "_server", "_signal")

    def __init__(self, server: GrpcServer, signal: Signal, path: str) -> None:
        self._server = server
        self._signal: Signal = signal
        self._path = path

    def __call__(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        return self._server.export(self._signal, self._path, body, context)


def _abort(context: grpc.ServicerContext, status: GrpcStatus) -> NoReturn:
    import grpc

    context.abort(grpc.StatusCode[status.code], status.details)
    raise AssertionError("abort() returned")


def _message(signal: Signal, reply: Reply, context: grpc.ServicerContext) -> bytes:
    if reply.fault is None:
        return reply.body if reply.body is not None else export_response(signal, reply).SerializeToString()
    import grpc

    if not isinstance(reply.fault, Bomb) or reply.fault.mebibytes is None or reply.fault.place != "body":
        _abort(context, GrpcStatus(code="INTERNAL", details=f"{reply.fault!r} exists on HTTP alone"))
    if reply.fault.compressed:
        context.set_compression(grpc.Compression.Gzip)
    size = reply.fault.mebibytes * 1024 * 1024
    return export_response(signal, _with_message(reply, " " * size)).SerializeToString()


def _with_message(reply: Reply, message: str) -> Reply:
    return replace(reply, message=message, fault=None)
