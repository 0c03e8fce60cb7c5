"""The receiver as a whole: both transports over one account and one script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fapilog_otel.errors import ConfigError
from fapilog_otel.receiver.exchange import Exchange
from fapilog_otel.receiver.reception import Reception
from fapilog_otel.receiver.script import Script, ScriptLike, as_script

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    import grpc
    from typing_extensions import Self

    from fapilog_otel.receiver.decode import Decoded
    from fapilog_otel.receiver.grpc_server import GrpcServer
    from fapilog_otel.receiver.http_server import HttpServer

_MAX_REQUEST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReceiverTls:
    """The server side of TLS, from PEM files.

    Args:
        certificate: The server's certificate chain.
        key: Its private key.
        client_ca: Authorities whose clients are let in (mTLS); None: clients need no certificate.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


class OtlpReceiver(Reception):
    """Receives OTLP logs and traces from `start` to `stop`; also a context manager.

    What it has received survives `stop`, and a later `start` listens on the same ports again.

    Args:
        host: Address to listen on.
        http_port: Port of OTLP/HTTP; 0: a free one; None: no HTTP.
        grpc_port: Port of OTLP/gRPC; 0: a free one; None: no gRPC.
        script: What is answered; None: success to every valid request.
        tls: The server side of TLS, for both transports.
        max_request_bytes: Limit of a request, both as sent and decoded; larger ones get 413 or RESOURCE_EXHAUSTED.
        keep: How many logs, spans and requests are kept, of each the newest; None: all.
        keep_bodies: Whether `requests` keeps the decoded bodies too.
        listener: Called with the records of each accepted request, on a thread of the receiver; it must not block.

    Raises:
        ConfigError: Neither transport is wanted.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        http_port: int | None = 0,
        grpc_port: int | None = None,
        script: ScriptLike | None = None,
        tls: ReceiverTls | None = None,
        max_request_bytes: int = _MAX_REQUEST_BYTES,
        keep: int | None = None,
        keep_bodies: bool = False,
        listener: Callable[[Decoded], None] | None = None,
    ) -> None:
        super().__init__(keep)
        if http_port is None and grpc_port is None:
            raise ConfigError("http_port", None, "neither HTTP nor gRPC is wanted", "Give a port to one of them")
        self._host = host
        self._http_port = http_port
        self._grpc_port = grpc_port
        self._tls = tls
        self._max_request_bytes = max_request_bytes
        self._exchange = Exchange(self, as_script(script), keep_bodies=keep_bodies, listener=listener)
        self._http: HttpServer | None = None
        self._grpc: GrpcServer | None = None

    @property
    def script(self) -> Script:
        """The script that answers now; assigning one takes effect with the next request."""
        return self._exchange.script

    @script.setter
    def script(self, script: ScriptLike | None) -> None:
        self._exchange.script = as_script(script)

    @property
    def http_endpoint(self) -> str:
        """Base URL of OTLP/HTTP, without ``/v1/logs``; known as soon as the receiver has been started."""
        return self._endpoint("http_port", self._http_port)

    @property
    def grpc_endpoint(self) -> str:
        """URL of OTLP/gRPC; known as soon as the receiver has been started."""
        return self._endpoint("grpc_port", self._grpc_port)

    @property
    def running(self) -> bool:
        """Whether it listens now."""
        return self._http is not None or self._grpc is not None

    def start(self) -> Self:
        """Listen, and return once connections are taken.

        Raises:
            ConfigError: The TLS files cannot be used.
            OSError: A port cannot be listened on.
        """
        if self.running:
            return self
        try:
            if self._http_port is not None:
                self._http_port = self._start_http(self._http_port)
            if self._grpc_port is not None:
                self._grpc_port = self._start_grpc(self._grpc_port)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop listening and cut every connection; what has been received stays readable."""
        for server in (self._http, self._grpc):
            if server is not None:
                server.stop()
        self._http = self._grpc = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_http(self, port: int) -> int:
        from fapilog_otel.receiver.http_server import HttpServer

        self._http = HttpServer(self._exchange, self._max_request_bytes, _ssl_context(self._tls))
        return self._http.start(self._host, port)

    def _start_grpc(self, port: int) -> int:
        from fapilog_otel.receiver.grpc_server import GrpcServer

        self._grpc = GrpcServer(self._exchange, self._max_request_bytes, _grpc_credentials(self._tls))
        return self._grpc.start(self._host, port)

    def _endpoint(self, setting: str, port: int | None) -> str:
        if not port:
            state = "the receiver was not started" if port == 0 else "the receiver was made without this transport"
            raise ConfigError(setting, port, state, f"Pass {setting} and call start() before asking for the endpoint")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{port}"


def _ssl_context(tls: ReceiverTls | None) -> ssl.SSLContext | None:
    if tls is None:
        return None
    import ssl

    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.client_ca)
        context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:  # ssl.SSLError is one
        raise _unusable(tls, error) from error
    if tls.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _grpc_credentials(tls: ReceiverTls | None) -> grpc.ServerCredentials | None:
    if tls is None:
        return None
    import grpc

    try:
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        authorities = None if tls.client_ca is None else tls.client_ca.read_bytes()
    except OSError as error:
        raise _unusable(tls, error) from error
    return grpc.ssl_server_credentials([pair], authorities, require_client_auth=authorities is not None)


def _unusable(tls: ReceiverTls, error: OSError) -> ConfigError:
    return ConfigError("tls", str(tls.certificate), f"cannot be used: {error}", "Give readable PEM files that match")
