"""fapilog's enrichers, redactors, filters and processors as stages of our pipeline.

::

    Record ─► event ─► plugin.filter | enrich | redact | process ─► event ─► Record

Their methods are coroutines that as a rule await nothing: one step runs such a coroutine to its end, without a loop and
without a task. One that really suspends is awaited on the pipeline thread's loop.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Coroutine, Generator, Mapping
from typing import TYPE_CHECKING, Any, Final

from fapilog_otel.errors import ConfigError, PluginError
from fapilog_otel.pipeline.fapilog_event import event_of, merged, record_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fapilog_otel.contracts.stage import Phase
    from fapilog_otel.model.record import Record

_METHODS: Final[dict[str, Phase]] = {"filter": "filter", "enrich": "enrich", "redact": "redact", "process": "process"}
_GROUPS: Final[dict[Phase, str]] = {
    "filter": "fapilog.filters",
    "enrich": "fapilog.enrichers",
    "redact": "fapilog.redactors",
    "process": "fapilog.processors",
}


class FapilogStage:
    """A stage that runs a plugin of fapilog's.

    Args:
        plugin: An enricher, redactor, filter or processor; its ``start()`` is called before its first record.
        name: Name under which it is configured and counted; None: the plugin's own.
        inline: Whether it runs on the caller's thread, where it must not suspend.

    Raises:
        ConfigError: The object is no such plugin.
    """

    def __init__(self, plugin: Any, name: str | None = None, *, inline: bool = False) -> None:
        found = [method for method in _METHODS if callable(getattr(plugin, method, None))]
        if len(found) != 1 or isinstance(plugin, type):
            remedy = "Pass an object with exactly one of enrich(), redact(), filter() and process()"
            raise ConfigError("plugin", type(plugin).__name__, "is no plugin of fapilog's that can be a stage", remedy)
        self.phase: Phase = _METHODS[found[0]]
        self.name = name or str(getattr(plugin, "name", type(plugin).__name__))
        self.inline = inline
        self._plugin = plugin
        self._run: Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any] | None]] = getattr(
            self, f"_{found[0]}"
        )
        self._started = not callable(getattr(plugin, "start", None))

    def __call__(self, record: Record) -> Record | Awaitable[Record | None] | None:
        """Process one record; awaitable where the plugin suspends."""
        work = self._work(record)
        try:
            waits_for = work.send(None)
        except StopIteration as done:
            result: Record | None = done.value
            return result
        if self.inline:
            work.close()
            raise RuntimeError(f"{self.name} suspends: it cannot run on the caller's thread")
        return _Rest(work, waits_for)

    async def _work(self, record: Record) -> Record | None:
        if not self._started:
            self._started = True
            await self._plugin.start()
        event = await self._run(event_of(record))
        return None if event is None else record_of(event, record)

    async def _filter(self, event: dict[str, Any]) -> dict[str, Any] | None:
        found: dict[str, Any] | None = await self._plugin.filter(event)
        return found

    async def _enrich(self, event: dict[str, Any]) -> dict[str, Any]:
        return merged(event, await self._plugin.enrich(dict(event)))

    async def _redact(self, event: dict[str, Any]) -> dict[str, Any]:
        found = await self._plugin.redact(event)
        if not isinstance(found, Mapping):
            raise TypeError(f"{self.name} returned {type(found).__name__} for a redacted event")
        return dict(found)

    async def _process(self, event: dict[str, Any]) -> dict[str, Any]:
        view = memoryview(json.dumps({"schema_version": "1.1", "log": event}, default=str).encode())
        found = bytes(await self._plugin.process(view))
        try:
            changed = json.loads(found)
        except ValueError:
            raise TypeError(
                f"{self.name} makes bytes that are no JSON, which no OpenTelemetry record can hold"
            ) from None
        log = changed.get("log", changed) if isinstance(changed, dict) else None
        if not isinstance(log, dict):
            raise TypeError(f"{self.name} makes JSON that is no event")
        return log


class _Rest:
    """The rest of a coroutine whose first step has been taken.

    Args:
        work: The coroutine.
        waits_for: What it has yielded.
    """

    def __init__(self, work: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._work = work
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        while True:
            failure: BaseException | None = None
            sent: Any = None
            try:
                sent = yield self._waits_for
            except BaseException as error:  # noqa: BLE001 - the coroutine's own to handle
                failure = error
            try:
                self._waits_for = self._work.send(sent) if failure is None else self._work.throw(failure)
            except StopIteration as done:
                return done.value


def load_fapilog_stage(phase: Phase, name: str, *, inline: bool = False, **config: Any) -> FapilogStage:
    """Give a stage from a plugin that fapilog finds by its name, one of its own or an installed one.

    Args:
        phase: ``"filter"``, ``"enrich"``, ``"redact"`` or ``"process"``.
        name: The plugin's name in fapilog, ``"field_mask"``.
        inline: Whether it runs on the caller's thread.
        **config: The plugin's configuration.

    Raises:
        PluginError: fapilog is not installed, or it does not find or cannot make the plugin.
    """
    try:
        import fapilog.plugins.enrichers  # noqa: PLC0415 - an extra; these register what fapilog itself has
        import fapilog.plugins.filters  # noqa: PLC0415
        import fapilog.plugins.processors  # noqa: PLC0415
        import fapilog.plugins.redactors  # noqa: F401, PLC0415
        from fapilog.plugins import loader  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "fapilog":
            raise
        remedy = "Install it: pip install 'fapilog-otel[fapilog]'"
        raise PluginError("stages", name, "the library 'fapilog' is not installed", remedy) from None
    try:
        plugin = loader.load_plugin(_GROUPS[phase], name, config)
    except (loader.PluginNotFoundError, loader.PluginLoadError) as error:
        raise PluginError("stages", name, str(error), f"See fapilog's {_GROUPS[phase]}") from error
    return FapilogStage(plugin, name, inline=inline)
