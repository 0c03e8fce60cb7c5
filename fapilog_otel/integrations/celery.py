"""Celery: what a task logs carries its id and name, and the trace that its message came with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.encode.context import bound_context
from fapilog_otel.integrations._requests import RequestScope

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import ModuleType

    from fapilog_otel.integrations._patching import Action, Patches

TASK_ID: Final = "celery.task_id"
TASK_NAME: Final = "celery.task_name"

_UID: Final = "fapilog_otel.integrations.celery"


def actions(patches: Patches) -> dict[str, Action]:
    """Give what is done with each module."""

    def connect(module: ModuleType) -> None:
        tasks = _RunningTasks()
        module.task_prerun.connect(tasks.begin, weak=False, dispatch_uid=_UID)
        module.task_postrun.connect(tasks.end, weak=False, dispatch_uid=_UID)
        patches.on_undo(lambda: module.task_prerun.disconnect(dispatch_uid=_UID))
        patches.on_undo(lambda: module.task_postrun.disconnect(dispatch_uid=_UID))

    return {"celery.signals": connect}


class _RunningTasks:
    """The tasks between their ``task_prerun`` and ``task_postrun`` signals."""

    def __init__(self) -> None:
        self._scopes: dict[str, tuple[AbstractContextManager[Any], AbstractContextManager[Any]]] = {}

    def begin(self, task_id: Any = None, task: Any = None, **_: Any) -> None:
        """Bind a task's id and name, and its trace, until `end`."""
        request = getattr(task, "request", None)
        carried = getattr(request, "traceparent", None) or (getattr(request, "headers", None) or {}).get("traceparent")
        bound = bound_context(**{TASK_ID: str(task_id), TASK_NAME: str(getattr(task, "name", ""))})
        scope = RequestScope(carried if isinstance(carried, str) else None)
        bound.__enter__()
        scope.__enter__()
        self._scopes[str(task_id)] = (bound, scope)

    def end(self, task_id: Any = None, **_: Any) -> None:
        """Let go of a task."""
        bound, scope = self._scopes.pop(str(task_id), (None, None))
        if scope is not None and bound is not None:
            scope.__exit__(None, None, None)
            bound.__exit__(None, None, None)
