"""The OTLP/gRPC exporter: one request, one unary call."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, TypeAlias

import grpc

from fapilog_otel.contracts.exporter import ExporterTraits, ExportResult
from fapilog_otel.errors import ConfigError, PermanentError, RetryableError
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel_exporters._headers import HeaderSource, HeadersSetting, Pairs
from fapilog_otel_exporters._plaintext import PlaintextGuard
from fapilog_otel_exporters._tls import Certificates, Pems, PemSource, Reloaded
from fapilog_otel_exporters._user_agent import user_agent
from fapilog_otel_exporters.otlp_grpc._call_threads import CallThreads
from fapilog_otel_exporters.otlp_grpc._channels import Channels
from fapilog_otel_exporters.otlp_grpc._metadata import checked_metadata
from fapilog_otel_exporters.otlp_grpc._outcome import REPLY_LIMIT, CallEnd, call_end, outcome, refuses_compression
from fapilog_otel_exporters.otlp_grpc._target import parse_target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fapilog_otel.contracts.encoded_logs import Compression, EncodedLogs

ChannelOption: TypeAlias = "tuple[str, str | int]"

DEFAULT_ENDPOINT: Final = "http://localhost:4317"
_CLOSE_SECONDS: Final = 2.0
_PLAINTEXT: Final = Pems(None, None, None)
_COMPRESSION: Final = {
    "none": grpc.Compression.NoCompression,
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Deflate,
}


REQUEST_SIZE: Final = 1 << 20
"""Bytes: a gRPC call costs much more than its bytes, and servers take 4 MiB unless told otherwise."""


class OtlpGrpcExporter:
    """Delivers over OTLP/gRPC, each request by a blocking call on a daemon thread.

    Args:
        endpoint: ``http://host:4317``, ``https://host:4317``, ``host:4317`` or ``unix:/path``.
        insecure: Plaintext for an endpoint without a scheme.
        headers: Metadata: a mapping, or a callable asked before each request, which must not block.
        headers_file: A file of metadata, one entry a line, read again when it changes.
        timeout: Seconds, sent to the server as the call's deadline.
        compression: Of the request.
        certificate: Authorities to trust in place of gRPC's own: a path, or PEM content.
        client_certificate: The client's chain (mTLS): a path, or PEM content.
        client_key: Its key: a path, or PEM content.
        max_in_flight: Calls under way at once, and threads.
        keepalive_time: Seconds of silence after which the connection is probed; None: never (many servers refuse probes
            more often than every 300 s).
        keepalive_timeout: Seconds that a probe may stay unanswered.
        channel_options: Further channel options, which win over those set here.
        refuse_plaintext_credentials: Refuse to send credentials without TLS to another machine; else warn once.

    Raises:
        ConfigError: The endpoint is unusable.
    """

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        *,
        insecure: bool | None = None,
        headers: HeadersSetting = None,
        headers_file: str | Path | None = None,
        timeout: float = 10.0,
        compression: Compression = "none",
        certificate: PemSource = None,
        client_certificate: PemSource = None,
        client_key: PemSource = None,
        max_in_flight: int = 8,
        keepalive_time: float | None = None,
        keepalive_timeout: float = 20.0,
        channel_options: Sequence[ChannelOption] = (),
        refuse_plaintext_credentials: bool = False,
    ) -> None:
        self._target = parse_target(endpoint, insecure)
        self.traits = ExporterTraits(
            max_in_flight=max_in_flight,
            fork_safe=False,
            request_size=REQUEST_SIZE,
            copies=2,  # the message as bytes, and grpcio's own
            endpoint=self._target.shown,
            component_type="otlp_grpc_log_exporter",
        )
        self._timeout = timeout
        self._compression = _COMPRESSION[compression]
        self._headers = HeaderSource(headers, headers_file, self._target.userinfo)
        self._certificates = Certificates(certificate, client_certificate, client_key)
        self._guard = PlaintextGuard(
            exposed=not self._target.secure and not self._target.local,
            refuse=refuse_plaintext_credentials,
            shown=self._target.shown,
        )
        self._pems = Reloaded(self._certificates, self._certificates.pems)
        self._options = _options(keepalive_time, keepalive_timeout, channel_options)
        self._threads: CallThreads | None = None
        self._channels: Channels | None = None
        self._metadata: tuple[Pairs, Pairs] | None = None
        self._abandoned: tuple[object, ...] = ()

    def __repr__(self) -> str:
        return f"OtlpGrpcExporter({self._target.shown!r})"

    def validate(self) -> None:
        """Check the settings; reads the files that they name.

        Raises:
            ConfigError: A header or a file cannot be used, or credentials would go out in plain text.
        """
        self._headers.validate()
        self._guard.validate(self._headers.fixed())
        try:
            checked_metadata(self._headers.fixed())
        except ValueError as error:
            raise ConfigError("headers", "***", str(error), "Rename or remove it") from None
        self._certificates.validate()

    async def start(self) -> None:
        """Start the threads and make the channel long before exit: a first touch of gRPC then crashes Python 3.12.1.

        Raises:
            PermanentError: The process was forked while the exporter was open.
            OSError: The certificates cannot be read; requests are retryable failures until they can.
        """
        if self._abandoned:
            raise _forked()
        if self._channels is not None:
            return
        self._threads = CallThreads(self.traits.max_in_flight)
        channels = self._channels = Channels(self._build)
        channels.release(channels.lease(self._origin()))

    async def export(self, request: EncodedLogs) -> ExportResult:
        """Send one request.

        Returns:
            Success, or partial success with the rejected count within 0 and the request's.

        Raises:
            PermanentError: The server refuses the request for good, or a header of a callable cannot be sent.
            RetryableError: The server asks to come back, or could not be reached.
        """
        channels, threads = self._channels, self._threads
        if self._abandoned:
            raise _forked()
        if channels is None or threads is None:
            raise RetryableError("the exporter has not been started", reason="grpc_unavailable")
        metadata = self._request_metadata()
        body = b"".join(request.body())
        compression = self._compression
        end = await self._call(channels, threads, body, metadata, compression)
        if compression is not grpc.Compression.NoCompression and refuses_compression(end):
            self._compression = grpc.Compression.NoCompression
            text = "the server does not know the compression; requests are sent without"
            get_diagnostics().report("otlp_grpc.compression", text, endpoint=self._target.shown)
            end = await self._call(channels, threads, body, metadata, self._compression)
        return outcome(end, request.count, self._headers.secrets)

    async def _call(
        self,
        channels: Channels,
        threads: CallThreads,
        body: bytes,
        metadata: Pairs,
        compression: grpc.Compression,
    ) -> CallEnd:
        lease = channels.lease(self._usable_origin())
        finished = False
        try:
            end = await threads.run(
                functools.partial(call_end, lease.export, body, self._timeout, metadata, compression)
            )
            finished = end.code is not grpc.StatusCode.DEADLINE_EXCEEDED
        finally:
            if not finished:
                # A blocking call has no handle to cancel it by: it ends with its channel. And a connection on which a
                # call timed out may be dead without knowing.
                channels.retire(lease)
            channels.release(lease)
        return end

    async def close(self) -> None:
        """Close every channel, end the threads and drop every reference; calls under way fail as retryable."""
        channels, threads = self._channels, self._threads
        self._channels = self._threads = self._metadata = None
        if threads is not None:
            threads.stop()
        if channels is not None:
            channels.close()
        if threads is not None and not await threads.stopped(_CLOSE_SECONDS):
            get_diagnostics().report(
                "otlp_grpc.close", "a call did not end with its channel", endpoint=self._target.shown
            )

    def abandon(self) -> None:
        """After a fork that found the exporter open, in the child: refuse all further work.

        gRPC's state is of no use in this process, and destroying it could hang: it is kept, untouched.
        """
        if self._channels is not None:
            self._abandoned = (self._channels, self._threads)
        self._channels = self._threads = self._metadata = None

    def _origin(self) -> Pems:
        return self._pems.get() if self._target.secure else _PLAINTEXT

    def _usable_origin(self) -> Pems:
        try:
            return self._origin()
        except (OSError, ValueError) as error:
            message = f"certificates cannot be used: {type(error).__name__}"
            raise RetryableError(message, reason="connection_tls") from error

    def _build(self, origin: object) -> grpc.Channel:
        if not isinstance(origin, Pems) or not self._target.secure:
            return grpc.insecure_channel(self._target.address, self._options)
        credentials = grpc.ssl_channel_credentials(origin.authorities, origin.key, origin.chain)
        return grpc.secure_channel(self._target.address, credentials, self._options)

    def _request_metadata(self) -> Pairs:
        pairs = self._headers.current()
        if self._metadata is None or self._metadata[0] is not pairs:
            self._guard.check(pairs)
            try:
                self._metadata = (pairs, checked_metadata(pairs))
            except ValueError as error:
                raise PermanentError(f"metadata: {error}", reason="headers") from None
        return self._metadata[1]


def _forked() -> PermanentError:
    return PermanentError("gRPC cannot be used in a process that was forked while it was open", reason="grpc_fork")


def _options(
    keepalive_time: float | None, keepalive_timeout: float, further: Sequence[ChannelOption]
) -> tuple[ChannelOption, ...]:
    options: dict[str, str | int] = {
        "grpc.primary_user_agent": user_agent(),
        "grpc.max_receive_message_length": REPLY_LIMIT,
        # The limit above holds for what is sent; left compressed, a reply cannot grow beyond it.
        "grpc.per_message_decompression": 0,
        "grpc.max_send_message_length": -1,
        # A collector that comes back is found within a second.
        "grpc.initial_reconnect_backoff_ms": 100,
        "grpc.max_reconnect_backoff_ms": 1000,
        "grpc.min_reconnect_backoff_ms": 5000,
        # Retrying is delivery's; a service config found in DNS must not add its own.
        "grpc.enable_retries": 0,
        "grpc.service_config_disable_resolution": 1,
        # Channels of other owners, or with older certificates, share no connection with ours.
        "grpc.use_local_subchannel_pool": 1,
    }
    if keepalive_time is not None:
        options["grpc.keepalive_time_ms"] = int(keepalive_time * 1000)
        options["grpc.keepalive_timeout_ms"] = int(keepalive_timeout * 1000)
        options["grpc.http2.max_pings_without_data"] = 0
    options.update(dict(further))
    return tuple(options.items())
