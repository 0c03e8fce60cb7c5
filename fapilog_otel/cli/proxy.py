"""Tells which proxy of the environment stands before an endpoint."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from fapilog_otel.settings import mask_url

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ProxyVerdict:
    """Whether a proxy applies.

    Args:
        variable: The environment variable that names the proxy; empty: none does.
        url: The proxy, credentials masked.
        bypassed: Whether ``NO_PROXY`` excepts the endpoint's host.
    """

    variable: str = ""
    url: str = ""
    bypassed: bool = False

    @property
    def applies(self) -> bool:
        """Whether requests go through the proxy."""
        return bool(self.url) and not self.bypassed

    def __str__(self) -> str:
        if not self.variable:
            return "none: no proxy variable is set for it"
        if self.bypassed:
            return f"none: NO_PROXY excepts the host from {self.variable}={self.url}"
        return f"{self.url} ({self.variable})"


def proxy_verdict(url: str) -> ProxyVerdict:
    """Tell whether ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` put a proxy before an endpoint."""
    parts = urlsplit(url)
    proxies: Mapping[str, str] = getproxies()
    scheme = next((scheme for scheme in (parts.scheme, "all") if proxies.get(scheme)), None)
    if scheme is None:
        return ProxyVerdict()
    host = parts.hostname or ""
    # With the port too: NO_PROXY may hold host:port.
    bypassed = any(proxy_bypass(name) for name in (host, parts.netloc.rpartition("@")[2]))
    return ProxyVerdict(_variable(scheme), mask_url(proxies[scheme]), bypassed)


def _variable(scheme: str) -> str:
    lower = f"{scheme}_proxy"
    return lower if os.environ.get(lower) else lower.upper()
