"""Real receivers as fixtures: one process a session, told apart by a service name of each test's own."""

from __future__ import annotations

import socket
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.integration.pki import Pki
from tests.integration.whole_collector import WholeCollector
from tests.receivers import BuildError, Collector, Rotel, VictoriaLogs
from tests.receivers.build import COLLECTOR, VICTORIALOGS, Recipe, build, find_built

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BUILT_FOR = {
    "collector": COLLECTOR,
    "make_collector": COLLECTOR,
    "own_collector": COLLECTOR,
    "victorialogs": VICTORIALOGS,
}
_FIXTURES = {*_BUILT_FOR, "rotel"}
_FAILURES = pytest.StashKey[dict[str, BuildError]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what needs a receiver, so that `-m "not receiver"` can leave it out."""
    for item in items:
        if _FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.receiver)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Builds what the chosen tests need before the first of them runs, so that no test's timeout pays for it."""
    failures = session.config.stash.setdefault(_FAILURES, {})
    if session.config.option.collectonly:
        return
    used = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    for recipe in {_BUILT_FOR[name] for name in used.intersection(_BUILT_FOR)}:
        if find_built(recipe) is None:
            _announce(session, recipe)
            try:
                build(recipe)
            except BuildError as error:
                failures[recipe.name] = error


def _announce(session: pytest.Session, recipe: Recipe) -> None:
    if (reporter := session.config.pluginmanager.get_plugin("terminalreporter")) is not None:
        reporter.write_line(f"building {recipe.name} from Go modules: once, a few minutes at most …")


def _require(config: pytest.Config, recipe: Recipe) -> None:
    if (failure := config.stash[_FAILURES].get(recipe.name)) is not None:
        raise failure


@pytest.fixture
def service_name() -> str:
    """A service name that no other test uses; what a shared receiver holds is filtered by it."""
    return f"test-{uuid.uuid4()}"


@pytest.fixture(scope="session")
def collector(pytestconfig: pytest.Config) -> Iterator[Collector]:
    """The OpenTelemetry Collector, shared: tests that restart or kill one take `make_collector`."""
    _require(pytestconfig, COLLECTOR)
    with Collector() as process:
        yield process


@pytest.fixture
def make_collector(pytestconfig: pytest.Config) -> type[Collector]:
    """The Collector class, for `with make_collector(tls=…) as own:`."""
    _require(pytestconfig, COLLECTOR)
    return Collector


@pytest.fixture
def own_collector(pytestconfig: pytest.Config) -> Iterator[WholeCollector]:
    """A Collector of the test's own, for many records, read once it has stopped."""
    _require(pytestconfig, COLLECTOR)
    with WholeCollector() as process:
        yield process


@pytest.fixture(scope="session")
def rotel() -> Iterator[Rotel]:
    """rotel, shared: tests that restart or kill one make their own `Rotel()`."""
    with Rotel() as process:
        yield process


@pytest.fixture(scope="session")
def victorialogs(pytestconfig: pytest.Config) -> Iterator[VictoriaLogs]:
    """VictoriaLogs, shared."""
    _require(pytestconfig, VICTORIALOGS)
    with VictoriaLogs() as process:
        yield process


@pytest.fixture
def pki(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pki:
    """An authority and a certificate for loopback, for both sides."""
    # The stock HTTP exporter sets its authority on a requests session, where these variables win over it.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return Pki(tmp_path)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A loopback port that refuses connections, and that nobody else can take meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
