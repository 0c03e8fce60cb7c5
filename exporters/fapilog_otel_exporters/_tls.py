"""Certificates and keys: checked at configure, read again when their files change.

::

    paths or PEM bytes ──► Certificates ──► stamp() changed? ──► Reloaded ──► ssl.SSLContext (HTTP) · Pems (gRPC)
                                                                    └── unreadable or mismatched: the old one stays

A server is always verified; there is no setting that switches it off.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar

from fapilog_otel.errors import ConfigError
from fapilog_otel.telemetry.diagnostics import get_diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
PemSource: TypeAlias = "str | Path | bytes | None"
Stamp: TypeAlias = "tuple[tuple[int, int, int] | None, ...]"

_PEM: Final = b"-----BEGIN "
_RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Pems:
    """PEM contents, as gRPC takes them; None: not configured."""

    authorities: bytes | None
    chain: bytes | None
    key: bytes | None


@dataclass(frozen=True, slots=True, repr=False)
class Certificates:
    """The TLS settings of one destination, each a path or PEM content.

    Args:
        certificate: Authorities to trust in place of the system's: a file, a directory of hashed names, or PEM.
        client_certificate: The client's chain (mTLS).
        client_key: Its private key; None: it is in the client certificate's file.
    """

    certificate: PemSource = None
    client_certificate: PemSource = None
    client_key: PemSource = None

    def __post_init__(self) -> None:
        for name in ("certificate", "client_certificate", "client_key"):
            object.__setattr__(self, name, _normal(getattr(self, name)))

    def validate(self) -> None:
        """Check that everything named can be used.

        Raises:
            ConfigError: A file is missing or unreadable, holds no certificate, or the key does not match.
        """
        if self == Certificates():
            return  # loading the system's authorities takes 20 ms, for nothing
        if self.client_key is not None and self.client_certificate is None:
            raise ConfigError("client_certificate", None, "client_key is set without it", "Set both, or neither")
        for name in ("certificate", "client_certificate", "client_key"):
            _check_readable(name, getattr(self, name))
        try:
            context = self._trusting()
        except (OSError, ValueError) as error:
            raise _unusable(
                "certificate", self.certificate, error, "a PEM file with the authorities to trust"
            ) from error
        try:
            self._identify(context)
        except (OSError, ValueError) as error:
            remedy = "a PEM chain and the unencrypted PEM key that belongs to it"
            raise _unusable("client_certificate", self.client_certificate, error, remedy) from error

    def stamp(self) -> Stamp:
        """Give what changes whenever one of the files does: modification time (ns), size and inode of each."""
        return tuple(_stamp(source) for source in (self.certificate, self.client_certificate, self.client_key))

    def context(self) -> ssl.SSLContext:
        """Give a context that verifies servers and holds the client's identity.

        Raises:
            OSError: A file cannot be used (ssl.SSLError is one).
            ValueError: PEM content cannot be used.
        """
        context = self._trusting()
        self._identify(context)
        return context

    def pems(self) -> Pems:
        """Give the contents, once they have been found to fit together.

        Raises:
            OSError: A file cannot be used (ssl.SSLError is one).
            ValueError: PEM content cannot be used.
        """
        contents = self._contents()
        self.context()
        if self._contents() != contents:
            raise ValueError("the files changed while they were read")
        return contents

    def _contents(self) -> Pems:
        chain = _read(self.client_certificate)
        return Pems(_read(self.certificate), chain, chain if self.client_key is None else _read(self.client_key))

    def _trusting(self) -> ssl.SSLContext:
        source = self.certificate
        if isinstance(source, bytes):
            context = ssl.create_default_context(cadata=source.decode("ascii", "replace"))
        elif source is not None and Path(source).is_dir():
            context = ssl.create_default_context(capath=source)
        else:
            context = ssl.create_default_context(cafile=source)
        # A renegotiation could make a write wait for a read; TLS 1.3 has none.
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _identify(self, context: ssl.SSLContext) -> None:
        chain, key = self.client_certificate, self.client_key
        if chain is None:
            return
        if not isinstance(chain, bytes) and not isinstance(key, bytes):
            context.load_cert_chain(chain, key, password=_no_password)
            return
        # OpenSSL's Python binding reads keys from files alone: these live for a moment in a directory of mode 0700.
        with tempfile.TemporaryDirectory(prefix="fapilog-otel-") as folder:
            chain_path = _as_file(chain, Path(folder, "chain.pem"))
            key_path = None if key is None else _as_file(key, Path(folder, "key.pem"))
            context.load_cert_chain(chain_path, key_path, password=_no_password)


class Reloaded(Generic[T]):
    """What is made of certificates, made anew when their files change.

    A file written half, or a certificate whose key has not followed yet, leaves the old value in place and is reported.

    Args:
        certificates: Where it comes from.
        make: Makes the value; raises OSError or ValueError when it cannot.
    """

    def __init__(self, certificates: Certificates, make: Callable[[], T]) -> None:
        self._certificates = certificates
        self._make = make
        self._value: T | None = None
        self._stamp: Stamp = ()
        self._failed: Stamp = ()
        self._retry_at = 0.0

    def get(self) -> T:
        """Give the value; the same object until a file changes.

        Raises:
            OSError: There is no earlier value to keep, and the files cannot be used.
            ValueError: The same, for PEM content.
        """
        stamp = self._certificates.stamp()
        value = self._value
        if value is not None and (
            stamp == self._stamp or (stamp == self._failed and time.monotonic() < self._retry_at)
        ):
            return value
        try:
            value = self._make()
        except (OSError, ValueError) as error:
            if self._value is None:
                raise
            self._failed, self._retry_at = stamp, time.monotonic() + _RETRY_SECONDS
            get_diagnostics().report(
                "tls.reload", "changed certificate files cannot be used; the old ones stay", error=_said(error)
            )
            return self._value
        self._value, self._stamp = value, stamp
        return value


def _normal(source: PemSource) -> PemSource:
    if isinstance(source, str) and source.lstrip().startswith(_PEM.decode()):
        return source.encode()
    return source


def _stamp(source: PemSource) -> tuple[int, int, int] | None:
    if source is None or isinstance(source, bytes):
        return None
    try:
        found = os.stat(source)  # noqa: PTH116 - before each request: no Path object is made for it
    except OSError:
        return (0, 0, 0)  # gone for a moment, as while being replaced: differs from what it was and from what comes
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(source: PemSource) -> bytes | None:
    if source is None or isinstance(source, bytes):
        return source
    path = Path(source)
    if path.is_dir():
        return b"".join(file.read_bytes() for file in sorted(path.iterdir()) if file.is_file())
    return path.read_bytes()


def _as_file(source: PemSource, path: Path) -> Path:
    if isinstance(source, bytes):
        path.write_bytes(source)
        return path
    return Path(source or "")


def _no_password() -> str:
    # Without it OpenSSL would ask on the terminal.
    raise ValueError("the key is encrypted")


def _check_readable(name: str, source: PemSource) -> None:
    if source is None:
        return
    try:
        content = _read(source) or b""
    except OSError as error:
        raise _unusable(name, source, error, "the path of a readable PEM file, or PEM content") from error
    if _PEM not in content:
        raise ConfigError(name, _shown(source), "holds nothing in PEM form", "Give a PEM file, or PEM content")


def _unusable(name: str, source: PemSource, error: Exception, remedy: str) -> ConfigError:
    return ConfigError(name, _shown(source), f"cannot be used: {_said(error)}", f"Give {remedy}")


def _shown(source: PemSource) -> object:
    return "<PEM content>" if isinstance(source, bytes) else str(source)


def _said(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    strerror = error.strerror if isinstance(error, OSError) else None
    return str(reason or strerror or error)
