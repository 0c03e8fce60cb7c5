from collections.abc import Callable
from typing import Any

class FastPath:
    def __init__(
        self,
        target: Callable[[str], tuple[object, int]],
        severity: Callable[[int, str], tuple[int, str]],
        thread: object,
        cache_class: type,
        reserved: frozenset[str],
        write: Callable[..., None],
        failed: Callable[[Exception], None],
        *,
        code_attributes: bool,
    ) -> None: ...
    def install(self) -> None: ...
    def uninstall(self) -> None: ...

def level_methods() -> list[tuple[str, Any, Any]]: ...
