"""Opens connections: addresses in order, through a proxy if there is one, TLS on top.

::

    no proxy   TCP ─► [TLS]
    http://    TCP ─► [TLS to the proxy] ─► requests in absolute form
    https://   TCP ─► [TLS to the proxy] ─► CONNECT ─► TLS
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from fapilog_otel_exporters._headers import basic_authorization
from fapilog_otel_exporters.otlp_http._reply import ReplyReader
from fapilog_otel_exporters.otlp_http._stream import TcpStream, send
from fapilog_otel_exporters.otlp_http._tls_stream import TlsStream

if TYPE_CHECKING:
    import ssl

    from fapilog_otel_exporters._http_url import HttpUrl
    from fapilog_otel_exporters._resolver import Address, Resolver
    from fapilog_otel_exporters.otlp_http._stream import Stream

ADDRESS_SECONDS: Final = 2.0
"""How long an address may take to answer while there are others to try."""


class ProxyRefusedError(ConnectionError):
    """The proxy did not open a tunnel."""


class Dialer:
    """Opens connections to one endpoint.

    Args:
        endpoint: Where requests go.
        proxy: The proxy in between, if any.
        resolver: Looks names up; started and stopped by whoever owns it.
    """

    def __init__(self, endpoint: HttpUrl, proxy: HttpUrl | None, resolver: Resolver) -> None:
        self._endpoint = endpoint
        self._proxy = proxy
        self._resolver = resolver
        self._last_good: Address | None = None
        self._open: WeakSet[TcpStream] = WeakSet()

    async def dial(self, context: ssl.SSLContext | None, proxy_context: ssl.SSLContext | None) -> Stream:
        """Open a connection that a request can be sent on.

        Args:
            context: TLS of the endpoint; None: plaintext.
            proxy_context: TLS of the proxy; None: plaintext.

        Raises:
            OSError: No address can be reached, or TLS or the proxy refuses.
        """
        server = self._proxy or self._endpoint
        stream: Stream = await self._connect(server.host, server.port)
        try:
            if proxy_context is not None:
                stream = await _secured(stream, proxy_context, server.host)
            if context is not None:
                if self._proxy is not None:
                    await self._tunnel(stream, self._proxy)
                stream = await _secured(stream, context, self._endpoint.host)
        except BaseException:
            stream.close()
            raise
        return stream

    def close(self) -> None:
        """Close every connection opened so far, in use or not."""
        for stream in tuple(self._open):
            stream.close()

    def abandon(self) -> None:
        """Close this process's descriptors and leave the parent process's connections as they are."""
        for stream in tuple(self._open):
            stream.abandon()

    async def _connect(self, host: str, port: int) -> TcpStream:
        addresses = await self._resolver.resolve(host, port)
        failure: OSError | None = None
        for number, address in enumerate(self._ordered(addresses), start=1):
            try:
                stream = TcpStream.to(address)
                self._open.add(stream)
                await stream.connect(address, ADDRESS_SECONDS if number < len(addresses) else None)
            except OSError as error:
                failure = error
            else:
                self._last_good = address
                return stream
        raise failure or OSError(f"{host} has no address")

    def _ordered(self, addresses: tuple[Address, ...]) -> tuple[Address, ...]:
        good = self._last_good
        if good is None or good not in addresses:
            return addresses
        return (good, *(address for address in addresses if address != good))

    async def _tunnel(self, stream: Stream, proxy: HttpUrl) -> None:
        target = f"{self._endpoint.bracketed}:{self._endpoint.port}"
        request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{proxy_authorization(proxy)}\r\n"
        early = await send(stream, [memoryview(request.encode("latin-1"))])
        reader = ReplyReader(stream, early)
        head = await reader.head()
        if not 200 <= head.status < 300:
            raise ProxyRefusedError(f"the proxy answered {head.status} to CONNECT")
        if not reader.exhausted:
            raise ProxyRefusedError("the proxy sent data of its own")


async def _secured(stream: Stream, context: ssl.SSLContext, host: str) -> TlsStream:
    secured = TlsStream(stream, context, host.partition("%")[0])
    await secured.handshake()
    return secured


def proxy_authorization(proxy: HttpUrl) -> str:
    """Give the header line, its end included, that the proxy's credentials make; empty without any."""
    return f"Proxy-Authorization: {basic_authorization(*proxy.userinfo)}\r\n" if proxy.userinfo else ""
