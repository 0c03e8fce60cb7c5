"""The OTLP/HTTP exporter: one request, one POST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from fapilog_otel.contracts.exporter import ExporterTraits, ExportResult
from fapilog_otel.errors import RetryableError
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel_exporters._body_sink import ReplyUnreadableError
from fapilog_otel_exporters._headers import HeaderSource, HeadersSetting, Pairs
from fapilog_otel_exporters._http_url import parse_http_url
from fapilog_otel_exporters._plaintext import PlaintextGuard, is_loopback
from fapilog_otel_exporters._resolver import Resolver, numeric_addresses
from fapilog_otel_exporters._tls import Certificates, PemSource, Reloaded
from fapilog_otel_exporters._user_agent import user_agent
from fapilog_otel_exporters.otlp_http._client import HttpClient
from fapilog_otel_exporters.otlp_http._dial import Dialer, proxy_authorization
from fapilog_otel_exporters.otlp_http._outcome import connection_failure, outcome
from fapilog_otel_exporters.otlp_http._proxy import proxy_for

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from fapilog_otel.contracts.encoded_logs import Compression, EncodedLogs
    from fapilog_otel_exporters._http_url import HttpUrl
    from fapilog_otel_exporters.otlp_http._stream import Stream

DEFAULT_ENDPOINT: Final = "http://localhost:4318/v1/logs"

_COMPONENT_TYPES: Final = {"http/protobuf": "otlp_http_log_exporter", "http/json": "otlp_http_json_log_exporter"}
_CONTENT_TYPES: Final = {"http/protobuf": "application/x-protobuf", "http/json": "application/json"}
# Ours to say: they describe the message that we make.
_OURS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class OtlpHttpExporter:
    """Delivers over OTLP/HTTP with a client of its own, on the event loop that awaits it.

    Args:
        endpoint: The URL to post to, ``/v1/logs`` included; credentials in it become Basic authorization.
        protocol: Protobuf or JSON bodies.
        headers: Request headers: a mapping, or a callable asked before each request, which must not block.
        headers_file: A file of headers, one a line, read again when it changes.
        timeout: Seconds that delivery gives an attempt; only the reading of a reply's body is timed here.
        compression: Of the body.
        certificate: Authorities to trust in place of the system's: a path, or PEM content.
        client_certificate: The client's chain (mTLS): a path, or PEM content.
        client_key: Its key: a path, or PEM content.
        max_in_flight: Requests under way at once.
        refuse_plaintext_credentials: Refuse to send credentials without TLS to another machine; else warn once.

    Raises:
        ConfigError: The endpoint is no URL.
    """

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        *,
        protocol: Literal["http/protobuf", "http/json"] = "http/protobuf",
        headers: HeadersSetting = None,
        headers_file: str | Path | None = None,
        timeout: float = 10.0,
        compression: Compression = "none",
        certificate: PemSource = None,
        client_certificate: PemSource = None,
        client_key: PemSource = None,
        max_in_flight: int = 4,
        refuse_plaintext_credentials: bool = False,
    ) -> None:
        self._url = parse_http_url("endpoint", endpoint)
        self.traits = ExporterTraits(
            max_in_flight=max_in_flight,
            fork_safe=True,
            endpoint=self._url.shown,
            component_type=_COMPONENT_TYPES[protocol],
        )
        self._protocol = protocol
        self._compression: Compression = compression
        self._timeout = timeout
        self._headers = HeaderSource(headers, headers_file, self._url.userinfo)
        self._certificates = Certificates(certificate, client_certificate, client_key)
        self._guard = PlaintextGuard(
            exposed=not self._url.secure and not is_loopback(self._url.host),
            refuse=refuse_plaintext_credentials,
            shown=self._url.shown,
        )
        self._tls = Reloaded(self._certificates, self._certificates.context)
        self._resolver = Resolver()
        self._dialer: Dialer | None = None
        self._client: HttpClient | None = None
        self._proxy: HttpUrl | None = None
        self._head: tuple[Pairs, bytes] | None = None

    def __repr__(self) -> str:
        return f"OtlpHttpExporter({self._url.shown!r}, protocol={self._protocol!r})"

    def validate(self) -> None:
        """Check the settings; reads the files that they name.

        Raises:
            ConfigError: A header, a file or a proxy variable cannot be used, or credentials would go out in plain text.
        """
        self._headers.validate()
        self._guard.validate(self._headers.fixed())
        self._certificates.validate()
        proxy_for(self._url)

    async def start(self) -> None:
        """Make the client ready; a host that is a name needs the resolver's thread, long before exit.

        Raises:
            ConfigError: A proxy variable has become unusable since `validate`.
            OSError: The certificates have; requests are retryable failures until they can be read.
        """
        if self._client is not None:
            return
        self._proxy = proxy_for(self._url)
        server = self._proxy or self._url
        if not numeric_addresses(server.host, server.port):
            self._resolver.start()
        self._head = None
        self._dialer = Dialer(self._url, self._proxy, self._resolver)
        self._client = HttpClient(self._dial, self._context, self.traits.max_in_flight, self._timeout)
        user_agent()
        if self._url.secure or (self._proxy is not None and self._proxy.secure):
            self._tls.get()  # last: should it fail, later requests still find the files once they are there

    async def export(self, request: EncodedLogs) -> ExportResult:
        """POST one request.

        Returns:
            Success, or partial success with the rejected count within 0 and the request's.

        Raises:
            PermanentError: The server refuses the request for good, or a header of a callable cannot be sent.
            RetryableError: The server asks to come back, or could not be reached.
        """
        if self._client is None:
            raise RetryableError("the exporter has not been started", reason="connection_closed")
        body = request.body("json" if self._protocol == "http/json" else "protobuf", self._compression)
        head = self._request_head() + b"Content-Length: %d\r\n\r\n" % sum(map(len, body))
        try:
            reply = await self._client.post(head, body)
        except (OSError, ReplyUnreadableError, ValueError) as error:  # ValueError: certificates never yet usable
            raise connection_failure(error, self._headers.secrets) from error
        return outcome(reply, request.count, self._headers.secrets)

    async def close(self) -> None:
        """Close every connection; exports under way fail as retryable."""
        if self._dialer is not None and self._client is not None:
            self._dialer.close()
            self._client.forget()
        self._resolver.stop()
        self._client = self._dialer = None

    def abandon(self) -> None:
        """After a fork, in the child: close inherited descriptors without a byte in the parent's connections."""
        if self._dialer is not None:
            self._dialer.abandon()
        self._resolver.abandon()
        self._client = self._dialer = None

    async def _dial(self, context: ssl.SSLContext | None) -> Stream:
        if self._dialer is None:
            raise ConnectionAbortedError("the exporter was closed")
        proxy_context = self._tls.get() if self._proxy is not None and self._proxy.secure else None
        return await self._dialer.dial(context, proxy_context)

    def _context(self) -> ssl.SSLContext | None:
        return self._tls.get() if self._url.secure else None

    def _request_head(self) -> bytes:
        pairs = self._headers.current()
        if self._head is None or self._head[0] is not pairs:
            self._guard.check(pairs)
            self._head = (pairs, self._make_head(pairs))
        return self._head[1]

    def _make_head(self, pairs: Pairs) -> bytes:
        target, via = self._url.target, ""
        if self._proxy is not None and not self._url.secure:
            target = f"http://{self._url.authority}{target}"
            via = proxy_authorization(self._proxy)
        lines = [
            f"POST {target} HTTP/1.1",
            f"Host: {self._url.authority}",
            f"Content-Type: {_CONTENT_TYPES[self._protocol]}",
            "Accept-Encoding: identity",
        ]
        if self._compression != "none":
            lines.append(f"Content-Encoding: {self._compression}")
        names = {name.lower() for name, _ in pairs}
        if ignored := names & _OURS:
            text = "headers that describe the message itself are not taken from the settings"
            get_diagnostics().report("otlp_http.headers", text, names=", ".join(sorted(ignored)))
        if "user-agent" not in names:
            lines.append(f"User-Agent: {user_agent()}")
        lines += [f"{name}: {value}" for name, value in pairs if name.lower() not in _OURS]
        return ("\r\n".join(lines) + "\r\n" + via).encode("latin-1")
