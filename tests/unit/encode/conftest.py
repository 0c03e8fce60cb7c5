from __future__ import annotations

import pytest

from tests.unit.encode.encoders import NATIVE, PYTHON, Bench, Twin


@pytest.fixture(params=[NATIVE, PYTHON], ids=lambda twin: twin.name)
def twin(request: pytest.FixtureRequest) -> Twin:
    """Each of the two implementations."""
    chosen: Twin = request.param
    return chosen


@pytest.fixture
def bench(twin: Twin) -> Bench:
    """A core without limits in the way."""
    return Bench(twin)
