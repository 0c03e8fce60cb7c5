from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Tracer

from fapilog_otel.integrations import _requests
from tests.unit.bootstrap.conftest import clean_environment

__all__ = ["clean_environment"]


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracer]:
    """A tracer whose provider is the global one as far as requests see."""
    provider = TracerProvider()
    monkeypatch.setattr(_requests, "current_tracer_provider", lambda: provider)
    yield provider.get_tracer("test")
    provider.shutdown()
