"""How the contract suites state what they demand."""

from __future__ import annotations


def require(condition: object, clause: str) -> None:
    """Fail the running test with the clause of the contract that does not hold.

    Args:
        condition: What must be true.
        clause: The contract's demand, and what was found instead.

    Raises:
        AssertionError: It does not hold.
    """
    if not condition:
        raise AssertionError(clause)
