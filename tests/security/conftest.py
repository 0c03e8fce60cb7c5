"""A clean environment, and ``configure()`` whose handle is shut down."""

from __future__ import annotations

from pathlib import Path

import pytest

from fapilog_otel.telemetry import diagnostics
from fapilog_otel.telemetry.diagnostics import Diagnostics
from tests.contract.faces_support import clean_environment, configure
from tests.security.pki import Authority

__all__ = ["clean_environment", "configure"]

BOTH = ("http/protobuf", "grpc")


@pytest.fixture(params=BOTH)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def fresh_diagnostics(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests have reported within the minute does not hold back this one's lines."""
    shared = diagnostics.get_diagnostics()
    fresh = Diagnostics()
    for name in ("_kinds", "_in_order", "_lines"):
        monkeypatch.setattr(shared, name, getattr(fresh, name))
