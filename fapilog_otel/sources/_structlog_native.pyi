from collections.abc import Callable
from typing import Any

class Method:
    def __init__(self, number: int, text: str, level: int, plain: bool) -> None: ...

class Functions:
    installed: bool
    failed: int
    def __init__(
        self,
        *,
        plan: Callable[[Any], tuple[Any, list[Any], Any, bool]],
        plans: dict[int, Any],
        capture: Callable[..., None],
        target: Callable[[str], tuple[object, int]],
        targets: dict[str, tuple[object, int]],
        methods: dict[str, Method],
        kinds: dict[str, int],
        default_scope: str,
        hands_on: Callable[[type], bool],
        hand_on: Callable[..., Any],
    ) -> None: ...
    def over_process_event(self, original: Callable[..., Any]) -> Callable[..., Any]: ...
    def over_proxy_to_logger(
        self, original: Callable[..., Any], original_process: Callable[..., Any]
    ) -> Callable[..., Any]: ...
