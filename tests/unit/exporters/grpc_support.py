"""gRPC servers for the tests: one that hangs, one in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from typing_extensions import Self

from fapilog_otel_exporters.otlp_grpc._channels import EXPORT_METHOD


class HangingServer:
    """A server whose calls hang until they are cancelled, or released."""

    def __init__(self) -> None:
        self.calls = 0
        self.cancelled = 0
        self.release = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(8))
        handler = grpc.unary_unary_rpc_method_handler(self._hang)
        service, method = EXPORT_METHOD[1:].split("/")
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        self.endpoint = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def _hang(self, _: bytes, context: grpc.ServicerContext) -> bytes:
        self.calls += 1
        ended = threading.Event()
        context.add_callback(ended.set)
        while not self.release.wait(0.01):
            if ended.is_set():
                self.cancelled += 1
                break
        return b""

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.stop(None).wait()


class SubprocessReceiver:
    """A receiver in a process of its own, so that no gRPC state of a server is in the one that forks."""

    def __enter__(self) -> str:
        code = (
            "import sys; from fapilog_otel.receiver import OtlpReceiver\n"
            "with OtlpReceiver(http_port=None, grpc_port=0) as receiver:\n"
            "    print(receiver.grpc_endpoint, flush=True); sys.stdin.read()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)
