from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from typing_extensions import Self

import fapilog_otel as fo
from fapilog_otel.testing import (
    Blackhole,
    ChaosCounts,
    ChaosProxy,
    Corrupt,
    Cut,
    HalfClose,
    Hang,
    Latency,
    OtlpReceiver,
    Refuse,
    Throttle,
)


class EchoServer:
    """Sends back what it gets, connection by connection, and remembers how each of them ended."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self.listener.getsockname()[1]
        self.ends: list[str] = []
        self.received: list[bytes] = []
        self._changed = threading.Condition()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        got, end = b"", "fin"
        with connection:
            try:
                while data := connection.recv(65_536):
                    got += data
                    connection.sendall(data)
            except ConnectionError:
                end = "rst"
        with self._changed:
            self.received.append(got)
            self.ends.append(end)
            self._changed.notify_all()

    def wait_for_end(self) -> tuple[str, bytes]:
        """How the first connection ended, and what came over it."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.ends, 5.0), "no connection has ended"
            return self.ends[0], self.received[0]

    def __enter__(self) -> Self:
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def server() -> Iterator[EchoServer]:
    with EchoServer() as server:
        yield server


@pytest.fixture
def proxy(server: EchoServer) -> Iterator[ChaosProxy]:
    with ChaosProxy("127.0.0.1", server.port) as proxy:
        yield proxy


def connect(proxy: ChaosProxy) -> socket.socket:
    return socket.create_connection((proxy.host, proxy.port), timeout=5.0)


def read(client: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count and (data := client.recv(count - len(got))):
        got += data
    return got


def until_end(client: socket.socket) -> tuple[bytes, str]:
    """What still comes, and how it ends."""
    got = b""
    try:
        while data := client.recv(65_536):
            got += data
    except ConnectionError:
        return got, "rst"
    return got, "fin"


def whole_exchange(proxy: ChaosProxy, data: bytes) -> tuple[bytes, str]:
    """Connect, send, and tell what came back; a connection may be reset before it is of any use."""
    try:
        with connect(proxy) as client:
            client.sendall(data)
            if data:
                client.shutdown(socket.SHUT_WR)
            return until_end(client)
    except ConnectionError:
        return b"", "rst"
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise
        return b"", "rst"


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + 5.0
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


class TestWithoutFaults:
    def test_bytes_pass_unchanged_both_ways(self, proxy: ChaosProxy) -> None:
        payload = bytes(range(256)) * 4000
        with connect(proxy) as client:
            sender = threading.Thread(target=client.sendall, args=(payload,))
            sender.start()
            assert read(client, len(payload)) == payload
            sender.join()
        wait_until(lambda: proxy.counts.open == 0)
        assert proxy.counts == ChaosCounts(1, 0, len(payload), len(payload), 0)

    def test_the_end_of_one_side_reaches_the_other(self, proxy: ChaosProxy, server: EchoServer) -> None:
        with connect(proxy) as client:
            client.sendall(b"abc")
            client.shutdown(socket.SHUT_WR)
            assert until_end(client) == (b"abc", "fin")
        assert server.wait_for_end() == ("fin", b"abc")

    def test_it_listens_on_loopback_alone(self, proxy: ChaosProxy) -> None:
        assert proxy.host == "127.0.0.1"
        assert proxy.endpoint == f"http://127.0.0.1:{proxy.port}"

    def test_a_target_that_is_not_there_resets_the_client(self) -> None:
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            with ChaosProxy(*held.getsockname()) as proxy, connect(proxy) as client:
                assert until_end(client) == (b"", "rst")

    def test_stopping_ends_its_thread_and_every_connection(self, server: EchoServer) -> None:
        before = set(threading.enumerate())
        proxy = ChaosProxy("127.0.0.1", server.port).start()
        with connect(proxy) as client:
            client.sendall(b"a")
            assert read(client, 1) == b"a"
            proxy.stop()
            assert until_end(client)[1] == "rst"
        assert not [thread for thread in set(threading.enumerate()) - before if "chaos" in thread.name]
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)

    def test_it_may_be_started_again_on_the_same_port(self, server: EchoServer) -> None:
        proxy = ChaosProxy("127.0.0.1", server.port)
        with proxy:
            port = proxy.port
        with proxy, connect(proxy) as client:
            assert proxy.port == port
            client.sendall(b"a")
            assert read(client, 1) == b"a"

    def test_a_port_that_is_taken_is_told(self, server: EchoServer) -> None:
        with pytest.raises(OSError, match="in use"):
            ChaosProxy("127.0.0.1", server.port, port=server.port).start()


class TestRefuse:
    def test_nobody_listens_until_it_is_taken_back(self, proxy: ChaosProxy) -> None:
        port = proxy.port
        proxy.apply(Refuse())
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        proxy.heal()
        assert proxy.port == port
        with connect(proxy) as client:
            client.sendall(b"a")
            assert read(client, 1) == b"a"

    def test_open_connections_go_on(self, proxy: ChaosProxy) -> None:
        with connect(proxy) as client:
            client.sendall(b"a")
            assert read(client, 1) == b"a"
            proxy.apply(Refuse())
            client.sendall(b"b")
            assert read(client, 1) == b"b"

    def test_it_counts_from_the_start(self, server: EchoServer) -> None:
        proxy = ChaosProxy("127.0.0.1", server.port)
        proxy.apply(Refuse())
        with proxy, pytest.raises(ConnectionRefusedError):
            connect(proxy)

    def test_a_plan_has_no_place_for_it(self, proxy: ChaosProxy) -> None:
        with pytest.raises(ValueError, match="Refuse"):
            proxy.plan([Refuse()])


class TestCut:
    @pytest.mark.parametrize(("reset", "end"), [(True, "rst"), (False, "fin")])
    def test_at_once(self, proxy: ChaosProxy, server: EchoServer, reset: bool, end: str) -> None:
        proxy.apply(Cut(reset=reset))
        assert whole_exchange(proxy, b"") == (b"", end)
        assert server.ends == []

    @pytest.mark.parametrize(("reset", "end"), [(True, "rst"), (False, "fin")])
    def test_after_bytes_upstream(self, proxy: ChaosProxy, server: EchoServer, reset: bool, end: str) -> None:
        proxy.apply(Cut(after=5, reset=reset))
        with connect(proxy) as client:
            client.sendall(b"0123456789")
            assert until_end(client)[1] == end
        assert server.wait_for_end() == (end, b"01234")

    @pytest.mark.parametrize("after", [0, 3])
    @pytest.mark.parametrize(("reset", "end"), [(True, "rst"), (False, "fin")])
    def test_after_bytes_downstream(
        self, proxy: ChaosProxy, server: EchoServer, after: int, reset: bool, end: str
    ) -> None:
        proxy.apply(Cut(after, "down", reset))
        with connect(proxy) as client:
            client.sendall(b"0123456789")
            assert until_end(client) == (b"0123456789"[:after], end)
        assert server.wait_for_end() == (end, b"0123456789")

    def test_by_hand_ends_what_is_open_and_nothing_else(self, proxy: ChaosProxy) -> None:
        with connect(proxy) as first:
            first.sendall(b"a")
            assert read(first, 1) == b"a"
            proxy.cut()
            assert until_end(first) == (b"", "rst")
        with connect(proxy) as second:
            second.sendall(b"a")
            assert read(second, 1) == b"a"


class TestHalfClose:
    def test_upstream_leaves_the_answer_alone(self, proxy: ChaosProxy, server: EchoServer) -> None:
        proxy.apply(HalfClose(after=4))
        with connect(proxy) as client:
            client.sendall(b"0123456789")
            assert until_end(client) == (b"0123", "fin")
        assert server.wait_for_end() == ("fin", b"0123")

    def test_downstream_leaves_the_request_alone(self, proxy: ChaosProxy, server: EchoServer) -> None:
        proxy.apply(HalfClose(after=2, direction="down"))
        with connect(proxy) as client:
            client.sendall(b"0123")
            assert until_end(client) == (b"01", "fin")
            client.sendall(b"4567")
            client.shutdown(socket.SHUT_WR)
            assert server.wait_for_end() == ("fin", b"01234567")


class TestBlackhole:
    def test_swallows_and_never_answers(self, proxy: ChaosProxy, server: EchoServer) -> None:
        proxy.apply(Blackhole())
        with connect(proxy) as client:
            client.sendall(b"0123456789")
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(1)
            wait_until(lambda: proxy.counts.swallowed == 10)
            client.settimeout(5.0)
            proxy.heal()
            assert until_end(client) == (b"", "rst")
        assert server.received == []

    def test_begins_after_bytes(self, proxy: ChaosProxy) -> None:
        proxy.apply(Blackhole(after=3))
        with connect(proxy) as client:
            client.sendall(b"0123456789")
            wait_until(lambda: proxy.counts.swallowed >= 7)
            assert proxy.counts.up == 3

    def test_connections_that_lost_nothing_survive_it(self, proxy: ChaosProxy) -> None:
        with connect(proxy) as client:
            client.sendall(b"a")
            assert read(client, 1) == b"a"
            proxy.apply(Blackhole())
            proxy.heal()
            client.sendall(b"b")
            assert read(client, 1) == b"b"


class TestTime:
    def test_latency_holds_every_piece(self, proxy: ChaosProxy) -> None:
        proxy.apply(Latency(0.1))
        with connect(proxy) as client:
            started = time.monotonic()
            client.sendall(b"a")
            assert read(client, 1) == b"a"
            assert time.monotonic() - started >= 0.2

    def test_throttle_lets_through_so_many_bytes_a_second(self, proxy: ChaosProxy) -> None:
        proxy.apply(Throttle(10_000, "down"))
        with connect(proxy) as client:
            started = time.monotonic()
            client.sendall(bytes(4000))
            assert len(read(client, 4000)) == 4000
            assert time.monotonic() - started >= 0.4

    @pytest.mark.parametrize("rate", [0, -1, float("nan")])
    def test_a_rate_must_be_one(self, rate: float) -> None:
        with pytest.raises(ValueError, match="rate"):
            Throttle(rate)

    def test_a_hang_heals_by_itself_and_loses_nothing(self, proxy: ChaosProxy) -> None:
        proxy.apply(Hang(0.2, after=4))
        with connect(proxy) as client:
            client.sendall(b"0123456789")
            started = time.monotonic()
            assert read(client, 10) == b"0123456789"
            assert time.monotonic() - started >= 0.15
            client.sendall(b"a")
            assert read(client, 1) == b"a"

    def test_a_hang_without_end_is_healed_by_hand(self, proxy: ChaosProxy) -> None:
        proxy.apply(Hang())
        with connect(proxy) as client:
            client.sendall(b"0123456789")
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(1)
            client.settimeout(5.0)
            proxy.heal()
            assert read(client, 10) == b"0123456789"


class TestCorrupt:
    @pytest.mark.parametrize("direction", ["up", "down"])
    def test_changes_one_byte(self, proxy: ChaosProxy, direction: str) -> None:
        proxy.apply(Corrupt(at=2, direction=direction, mask=0x01))  # type: ignore[arg-type]
        with connect(proxy) as client:
            client.sendall(b"00000")
            assert read(client, 5) == b"00100"


class TestPlan:
    def test_says_what_happens_connection_by_connection(self, server: EchoServer) -> None:
        with ChaosProxy("127.0.0.1", server.port, plan=[Cut(), (), None]) as proxy:
            proxy.apply(Corrupt(0, mask=0x01))
            expected = [(b"", "rst"), (b"0", "fin"), (b"1", "fin"), (b"1", "fin")]
            for outcome in expected:
                assert whole_exchange(proxy, b"0") == outcome

    def test_replaces_the_plan_before(self, proxy: ChaosProxy) -> None:
        proxy.plan([Cut(), Cut()])
        proxy.plan([])
        with connect(proxy) as client:
            client.sendall(b"a")
            assert read(client, 1) == b"a"

    def test_faults_act_together(self, proxy: ChaosProxy) -> None:
        proxy.plan([(Corrupt(0, mask=0x01), Cut(3, "down", reset=False))])
        with connect(proxy) as client:
            client.sendall(b"00000")
            assert until_end(client) == (b"100", "fin")


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_an_exporter_survives_what_happens_between_it_and_its_receiver(protocol: str) -> None:
    with OtlpReceiver(grpc_port=0) as receiver:
        endpoint = receiver.grpc_endpoint if protocol == "grpc" else receiver.http_endpoint
        with ChaosProxy("127.0.0.1", int(endpoint.rpartition(":")[2]), plan=[Cut(after=100)]) as proxy:
            settings = fo.Settings(retry={"initial": 0.01, "maximum": 0.05})
            with fo.configure(endpoint=proxy.endpoint, protocol=protocol, sources=[], settings=settings) as handle:
                fo.get_logger("shop").info("hello")
                assert handle.flush(10.0)
        assert [log.body for log in receiver.logs] == ["hello"]
