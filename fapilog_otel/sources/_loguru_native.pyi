from collections.abc import Callable, Mapping
from typing import Any

class PlainRecords:
    def __init__(
        self,
        *,
        target: Callable[[str], tuple[object, float | None]],
        targets: dict[str, tuple[object, float | None]],
        severity: Callable[[int, str], tuple[int, str]],
        special: frozenset[str],
        passed_on: Callable[[Mapping[str, Any]], bool],
        code_attributes: bool,
    ) -> None: ...
    def take(self, record: Mapping[str, Any], lowest: float) -> bool: ...
