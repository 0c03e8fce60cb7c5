"""The proxy for an endpoint, from the environment, chosen as the stock exporters choose it.

``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, in either case; on macOS and Windows also the
system's settings. ``~/.netrc`` is not read.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import TYPE_CHECKING, Final

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings.secret import mask_url
from fapilog_otel_exporters._http_url import HttpUrl, parse_http_url

if TYPE_CHECKING:
    from collections.abc import Mapping

_SYSTEM_SETTINGS: Final = sys.platform in {"darwin", "win32"}


def proxy_for(endpoint: HttpUrl) -> HttpUrl | None:
    """Give the proxy that requests to an endpoint go through; None: none.

    Raises:
        ConfigError: A proxy is named that is not an HTTP proxy.
    """
    if not _SYSTEM_SETTINGS and not any(
        name.lower().endswith("_proxy") and value for name, value in os.environ.items()
    ):
        return None  # urllib.request takes 20 ms to import
    from urllib.request import getproxies

    proxies = getproxies()
    for scheme in (endpoint.scheme, "all"):
        url = proxies.get(scheme)
        if url:
            return None if _bypassed(endpoint, proxies) else _parse(scheme, url)
    return None


def _parse(scheme: str, url: str) -> HttpUrl:
    setting = f"{scheme}_proxy".upper()
    text = url if "://" in url else f"http://{url}"
    if text.partition(":")[0].lower() not in {"http", "https"}:
        remedy = "Name an http:// proxy, or except the endpoint's host with NO_PROXY"
        raise ConfigError(setting, mask_url(text), "is not an HTTP proxy", remedy, f"environment {setting}")
    return parse_http_url(setting, text)


def _bypassed(endpoint: HttpUrl, proxies: Mapping[str, str]) -> bool:
    from urllib.request import proxy_bypass

    host = endpoint.host
    excepted = [part.strip() for part in proxies.get("no", "").split(",")]
    return any(part and _in_network(host, part) for part in excepted) or bool(
        proxy_bypass(host) or proxy_bypass(f"{endpoint.bracketed}:{endpoint.port}")
    )


def _in_network(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
