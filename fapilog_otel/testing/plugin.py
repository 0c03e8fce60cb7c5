"""The pytest plugin, which pytest loads by entry point: the fixture ``fapilog_capture`` and its marker.

Every pytest run of every project where this distribution is installed imports this module: it imports nothing of ours
before the fixture is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fapilog_otel.testing.capture import Capture

_MARKER = "fapilog_capture"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", f"{_MARKER}(**arguments): keywords of fapilog_otel.configure() for the fixture fapilog_capture"
    )


@pytest.fixture
def fapilog_capture(request: pytest.FixtureRequest) -> Iterator[Capture]:
    """What the test logs, by whatever means, as a `fapilog_otel.testing.Capture`; nothing leaves the process.

    Keywords of ``configure()`` come from the marker: ``@pytest.mark.fapilog_capture(level="DEBUG")``; of several
    markers, that nearest to the test wins.
    """
    from fapilog_otel.testing.capture import capture_logs  # noqa: PLC0415 - see above

    arguments: dict[str, object] = {}
    for marker in request.node.iter_markers(_MARKER):
        arguments = {**marker.kwargs, **arguments}
    with capture_logs(**arguments) as capture:
        yield capture
