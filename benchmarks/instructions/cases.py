"""The ways of logging whose instructions are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.features import has_setting

LENGTHS: Final = (500, 1_500)
"""Records of the two runs whose difference is taken."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way of logging.

    Args:
        key: Its name on the command line and in the baseline.
        title: Its name in the table.
        path: How the application logs.
        stages: Whether the default stages run.
        native: Whether the native encoder is used.
        fast: The setting ``fast_stdlib``; None: left alone.
        code: Whether records tell file, line and function of the call.
    """

    key: str
    title: str
    path: Literal["own", "api", "stdlib", "structlog", "loguru", "processor"] = "own"
    stages: bool = True
    native: bool = True
    fast: bool | None = None
    code: bool = False

    @property
    def missing(self) -> str:
        """Why it cannot be counted here; empty: it can."""
        return "" if not self.fast or has_setting("fast_stdlib") else "this version has no setting fast_stdlib"


CASES: Final = {
    case.key: case
    for case in (
        Case("own", "our logger"),
        Case("own-bare", "our logger, stages off", stages=False),
        Case("api", "OTel API `Logger.emit`", "api"),
        Case("api-bare", "OTel API `Logger.emit`, stages off", "api", stages=False),
        Case("stdlib-plain", "`logging`, plain handler", "stdlib", fast=False),
        Case("stdlib-fast", "`logging`, fast logger", "stdlib", fast=True),
        Case("stdlib-bare", "`logging`, fast logger, stages off", "stdlib", stages=False, fast=True),
        Case(
            "stdlib-code", "`logging`, fast logger, `code.*`, stages off", "stdlib", stages=False, fast=True, code=True
        ),
        Case("structlog", "structlog → our source, stages off", "structlog", stages=False),
        Case("loguru", "loguru → our source, stages off", "loguru", stages=False),
        Case("processor", "SDK `Logger` into our processor, stages off", "processor", stages=False),
        Case("python", "our logger, pure-Python encoder", native=False),
        Case("python-bare", "our logger, pure-Python encoder, stages off", stages=False, native=False),
    )
}
