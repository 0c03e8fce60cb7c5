"""A connection that is reset anywhere in an exchange costs no record, and sends at most one batch twice."""

from __future__ import annotations

import pytest

from tests.faults.connection_resets import CASES, reset_everywhere

STEP = {"http/protobuf": 7, "grpc": 17}
"""Bytes from one offset to the next; the command in `connection_resets` tries every one."""


@pytest.mark.parametrize(("protocol", "compression", "reused"), CASES)
def test_loses_nothing_and_repeats_one_batch_at_most(protocol: str, compression: str, reused: bool) -> None:
    figures = reset_everywhere(protocol, compression, reused=reused, step=STEP[protocol])
    assert figures.resets > 10
    assert figures.lost == 0
    assert figures.worst <= 1.0
