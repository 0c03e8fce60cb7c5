"""An HTTP URL taken apart once, credentials kept away from everything that is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings.endpoint import check_endpoint
from fapilog_otel.settings.invalid import InvalidValueError
from fapilog_otel.settings.secret import mask_url

_PATH_SAFE: Final = "/%:@!$&'()*+,;=~?-._"


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """Where requests go.

    Args:
        scheme: ``http`` or ``https``.
        host: Host without brackets, in ASCII.
        port: Port.
        target: Path and query, as in a request line.
        userinfo: User and password, if the URL has them.
        shown: The URL without anything that may be a credential.
    """

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    userinfo: tuple[str, str] | None = field(repr=False)
    shown: str

    @property
    def secure(self) -> bool:
        """Whether TLS is used."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """Host and port for the ``Host`` header: the port only where it is not the scheme's own."""
        default = 443 if self.secure else 80
        return self.bracketed if self.port == default else f"{self.bracketed}:{self.port}"

    @property
    def bracketed(self) -> str:
        """The host as URLs write it: an IPv6 address in brackets, without its zone (RFC 6874)."""
        return f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host


def parse_http_url(setting: str, url: str, *, default_port: int | None = None) -> HttpUrl:
    """Take a URL apart.

    Args:
        setting: Name of the setting, for the error.
        url: An absolute URL of scheme http or https.
        default_port: Port where the URL has none; None: 80 or 443.

    Raises:
        ConfigError: It is not such a URL.
    """
    if "://" not in url:
        shown = mask_url(url)
        raise ConfigError(setting, shown, "has no scheme", f"Write http://{shown} or https://{shown}")
    try:
        parts = urlsplit(check_endpoint(url))
        host = _ascii_host(parts.hostname or "")
    except InvalidValueError as error:
        raise ConfigError(setting, error.shown, error.problem, error.remedy) from None
    userinfo = None
    if parts.username or parts.password:
        userinfo = (unquote(parts.username or ""), unquote(parts.password or ""))
    port = parts.port or default_port or (443 if parts.scheme == "https" else 80)
    target = quote(parts.path or "/", safe=_PATH_SAFE)
    if parts.query:
        target += "?" + quote(parts.query, safe=_PATH_SAFE)
    return HttpUrl(parts.scheme, host, port, target, userinfo, mask_url(url))


def _ascii_host(host: str) -> str:
    if host.isascii():
        return host.replace("%25", "%", 1) if ":" in host else host  # the zone of an address (RFC 6874)
    try:
        return host.encode("idna").decode()
    except UnicodeError as error:
        raise InvalidValueError("has a host name that cannot be encoded", "Write it in its xn-- form", "***") from error
