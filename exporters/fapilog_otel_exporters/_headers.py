"""The user's request headers: fixed, from a callable, or from a file that is read again when it changes.

::

    mapping ─┐
    callable ├─► HeaderSource.current() ─► checked pairs, the same tuple until something changes
    file ────┘                 └─► secrets: what must be masked in text that a server sends back
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from fapilog_otel.errors import ConfigError, PermanentError, RetryableError
from fapilog_otel.settings.invalid import InvalidValueError
from fapilog_otel.settings.parse import check_header
from fapilog_otel.settings.secret import MASK
from fapilog_otel.telemetry.diagnostics import get_diagnostics

HeadersSetting: TypeAlias = "Mapping[str, str] | Callable[[], Mapping[str, str]] | None"
Pairs: TypeAlias = "tuple[tuple[str, str], ...]"

_CREDENTIAL_NAME: Final = re.compile(r"auth|token|secret|passw|cookie|credential|key", re.IGNORECASE)
_FILE_REMEDY: Final = "Write one header a line, as name: value or name=value"


class HeaderSource:
    """Gives the headers of each request, checked against injection.

    Args:
        headers: A mapping, a callable evaluated for every request (on the event loop: it must not block), or None.
        file: Path of a file with one ``name: value`` or ``name=value`` a line; its headers win over the others.
        userinfo: User and password from the endpoint, sent as Basic authorization unless the headers hold one.
    """

    def __init__(
        self, headers: HeadersSetting = None, file: str | Path | None = None, userinfo: tuple[str, str] | None = None
    ) -> None:
        self._callable = headers if not isinstance(headers, Mapping) else None
        self._fixed: Mapping[str, str] = headers if isinstance(headers, Mapping) else {}
        self._file = file
        self._basic = basic_authorization(*userinfo) if userinfo else ""
        self._userinfo = userinfo
        self._stamp: tuple[int, int] | None = None
        self._from_file: Mapping[str, str] | None = None
        self._current: Pairs | None = None
        self.secrets: tuple[str, ...] = self._secrets_of(())

    def validate(self) -> None:
        """Check what is known before the first request.

        Raises:
            ConfigError: A header cannot be sent, or the file cannot be read.
        """
        try:
            _check(self._fixed)
        except InvalidValueError as error:
            raise ConfigError("headers", MASK, error.problem, error.remedy) from None
        if self._file is None:
            return
        try:
            _parse_file(self._file)
        except InvalidValueError as error:
            raise ConfigError("headers_file", str(self._file), error.problem, error.remedy) from None
        except (OSError, ValueError) as error:
            problem = f"cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8 text'})"
            raise ConfigError("headers_file", str(self._file), problem, "Give the path of a readable file") from error

    def fixed(self) -> Pairs:
        """Give the headers that do not depend on a callable, for checks at configure."""
        return self._combined(self._fixed, self._read_file())

    def current(self) -> Pairs:
        """Give the headers of the next request.

        Raises:
            PermanentError: The callable gave a header that cannot be sent.
            RetryableError: The callable failed, or the file could never be read.
        """
        if self._callable is None and self._file is None:
            if self._current is None:
                self._current = self._keep(self._combined(self._fixed, {}))
            return self._current
        pairs = self._combined(self._call() if self._callable is not None else self._fixed, self._read_file())
        if pairs != self._current:
            self._current = self._keep(pairs)
        return self._current or ()

    def _keep(self, pairs: Pairs) -> Pairs:
        self.secrets = self._secrets_of(pairs)
        return pairs

    def _call(self) -> Mapping[str, str]:
        assert self._callable is not None  # noqa: S101 - asked by the caller
        try:
            given = self._callable()
        except Exception as error:
            # A token service that is down: the text may hold the credential, so only the type is told.
            raise RetryableError(f"the headers callable raised {type(error).__name__}", reason="headers") from error
        if not isinstance(given, Mapping):
            raise PermanentError(f"the headers callable gave {type(given).__name__}, not a mapping", reason="headers")
        try:
            _check(given)
        except InvalidValueError as error:
            raise PermanentError(f"the headers callable: {error.problem}", reason="headers") from None
        return given

    def _read_file(self) -> Mapping[str, str]:
        if self._file is None:
            return {}
        try:
            found = os.stat(self._file)  # noqa: PTH116 - before each request: no Path object is made for it
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp != self._stamp or self._from_file is None:
                self._from_file = _parse_file(self._file)
                self._stamp = stamp
        except (OSError, ValueError) as error:  # InvalidValueError is one
            problem = error.problem if isinstance(error, InvalidValueError) else type(error).__name__
            if self._from_file is None:
                raise RetryableError(f"the headers file cannot be used: {problem}", reason="headers") from None
            get_diagnostics().report(
                "headers.reload", "the headers file cannot be used; the old headers stay", problem=problem
            )
        return self._from_file

    def _combined(self, given: Mapping[str, str], from_file: Mapping[str, str]) -> Pairs:
        merged = {name.lower(): (name, value) for source in (given, from_file) for name, value in source.items()}
        if self._basic and "authorization" not in merged:
            merged["authorization"] = ("Authorization", self._basic)
        return tuple(merged.values())

    def _secrets_of(self, pairs: Pairs) -> tuple[str, ...]:
        # Any header may be a credential under a name of the vendor's: all values but the shortest are masked.
        return tuple(value for _, value in pairs) + tuple(filter(None, (self._basic, *(self._userinfo or ()))))


def basic_authorization(user: str, password: str) -> str:
    """Give the value of a Basic ``Authorization`` header (RFC 7617)."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def holds_credentials(pairs: Pairs) -> bool:
    """Tell whether a header's name says that it is a credential."""
    return any(_CREDENTIAL_NAME.search(name) for name, _ in pairs)


def _check(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not isinstance(name, str):
            raise InvalidValueError("has a header name that is no text", "Give header names as texts")
        check_header(name, value)


def _parse_file(path: str | Path) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for number, line in enumerate(Path(path).read_text("utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = re.match(r"([^:=\s]+)\s*[:=](.*)", text)
        if match is None:
            raise InvalidValueError(f"line {number} is not a header", _FILE_REMEDY)
        headers[match[1]] = match[2].strip()
    _check(headers)
    return headers
