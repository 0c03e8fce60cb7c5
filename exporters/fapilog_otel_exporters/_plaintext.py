"""Credentials that would cross a network in the clear: one warning, or a refusal."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from fapilog_otel.errors import ConfigError, PermanentError
from fapilog_otel.telemetry.diagnostics import get_diagnostics
from fapilog_otel_exporters._headers import holds_credentials

if TYPE_CHECKING:
    from fapilog_otel_exporters._headers import Pairs


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine: ``localhost`` or a loopback address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


class PlaintextGuard:
    """Looks at headers before they are sent.

    Args:
        exposed: Whether requests leave this machine without TLS.
        refuse: Whether credentials are then refused instead of warned about.
        shown: The endpoint, without credentials.
    """

    __slots__ = ("_exposed", "_refuse", "_shown", "_warned")

    def __init__(self, *, exposed: bool, refuse: bool, shown: str) -> None:
        self._exposed = exposed
        self._refuse = refuse
        self._shown = shown
        self._warned = False

    def validate(self, pairs: Pairs) -> None:
        """Check the headers known at configure.

        Raises:
            ConfigError: They hold credentials and those are refused.
        """
        if self._leaks(pairs):
            problem = "would send credentials in plain text"
            raise ConfigError("endpoint", self._shown, problem, "Use https://, or unset refuse_plaintext_credentials")

    def check(self, pairs: Pairs) -> None:
        """Check the headers of a request.

        Raises:
            PermanentError: They hold credentials and those are refused.
        """
        if self._leaks(pairs):
            raise PermanentError("credentials are not sent in plain text", reason="plaintext_credentials")

    def _leaks(self, pairs: Pairs) -> bool:
        if not self._exposed or not holds_credentials(pairs):
            return False
        if not self._refuse and not self._warned:
            self._warned = True
            get_diagnostics().report(
                "plaintext_credentials", "credentials are sent in plain text; use https://", endpoint=self._shown
            )
        return self._refuse
