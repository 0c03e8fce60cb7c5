"""A reply of any size costs at most 8 MiB and its own batch, and delivery goes on."""

from __future__ import annotations

import pytest

from tests.faults.reply_bombs import BATCH, CASES, GRPC_FRAMES, explode

ALLOWED = 8 * 1024 * 1024
UNHARMED = {"data"}
"""Frames whose end says that the request was taken."""


@pytest.mark.parametrize(("protocol", "case"), CASES)
def test_costs_at_most_8_mib_and_delivery_goes_on(protocol: str, case: str) -> None:
    figures = explode(protocol, case)
    assert figures.growth <= ALLOWED
    assert figures.after == BATCH
    refused = "grpc_invalid_argument" if protocol == "grpc" else "http_400"
    expected = {refused: BATCH}
    if case in GRPC_FRAMES and case not in UNHARMED:
        expected["grpc_resource_exhausted"] = BATCH  # what gRPC itself says of metadata beyond its bound
    assert figures.failed == expected
    assert figures.delivered == 4 * BATCH - sum(expected.values())
