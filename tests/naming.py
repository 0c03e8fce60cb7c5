"""Names of parametrised tests that are the same in every process, as those who share tests out among them need."""

from __future__ import annotations

import re


def stable_id(value: object) -> str:
    """Give a value's repr without the address of what has no better one."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
