from __future__ import annotations

import asyncio
import socket
import sys
import threading

import pytest
from otlp_support import until

from fapilog_otel.telemetry.origin import is_internal
from fapilog_otel_exporters import _resolver
from fapilog_otel_exporters._resolver import Address, Resolver, numeric_addresses


def resolver_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "fapilog-otel-resolver"]


class TestNumericAddresses:
    def test_gives_the_address_of_an_ipv4_literal(self) -> None:
        assert numeric_addresses("127.0.0.1", 4318) == (Address(socket.AF_INET, ("127.0.0.1", 4318)),)

    def test_gives_the_address_of_an_ipv6_literal(self) -> None:
        assert numeric_addresses("::1", 4318) == (Address(socket.AF_INET6, ("::1", 4318, 0, 0)),)

    @pytest.mark.parametrize("host", ["localhost", "collector.example", "a..b", "a" * 70 + ".example"])
    def test_gives_nothing_for_a_name(self, host: str) -> None:
        assert numeric_addresses(host, 4318) == ()


class TestResolver:
    async def test_resolves_a_name_on_a_daemon_thread_of_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[tuple[str, bool, bool]] = []
        real = socket.getaddrinfo

        def watched(host: str, *args: object, **keywords: object) -> object:
            seen.append((threading.current_thread().name, threading.current_thread().daemon, is_internal()))
            return real(host, *args, **keywords)  # type: ignore[arg-type]

        resolver = Resolver()
        resolver.start()
        monkeypatch.setattr(_resolver.socket, "getaddrinfo", watched)
        addresses = await resolver.resolve("localhost", 4318)
        resolver.stop()

        assert Address(socket.AF_INET, ("127.0.0.1", 4318)) in addresses
        assert seen[-1] == ("fapilog-otel-resolver", True, True)

    async def test_needs_no_thread_for_a_numeric_host(self) -> None:
        assert await Resolver().resolve("127.0.0.1", 1)

    async def test_raises_an_os_error_for_an_unknown_name(self) -> None:
        resolver = Resolver()
        resolver.start()

        with pytest.raises(OSError):
            await resolver.resolve("no-such-host.invalid", 4318)
        with pytest.raises(OSError, match="not a host name"):
            await resolver.resolve("a..b", 4318)
        resolver.stop()

    async def test_equal_lookups_under_way_are_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        release, calls = threading.Event(), []

        def slow(host: str, port: int, flags: int) -> tuple[Address, ...]:
            if flags:
                return ()
            calls.append(host)
            release.wait(5)
            return (Address(socket.AF_INET, ("192.0.2.1", port)),)

        monkeypatch.setattr(_resolver, "_addresses", slow)
        resolver = Resolver()
        resolver.start()
        lookups = [asyncio.ensure_future(resolver.resolve("slow.example", 1)) for _ in range(3)]
        await asyncio.sleep(0)
        lookups[0].cancel()
        await asyncio.sleep(0)
        release.set()

        assert await lookups[1] == await lookups[2] == (Address(socket.AF_INET, ("192.0.2.1", 1)),)
        assert calls == ["slow.example"]
        resolver.stop()

    async def test_a_thread_lives_from_start_to_stop_only(self) -> None:
        others = set(resolver_threads())  # of other tests: they may live on, or be about to end
        resolver = Resolver()
        resolver.start()
        resolver.start()
        assert len(set(resolver_threads()) - others) == 1
        resolver.stop()

        await until(lambda: not set(resolver_threads()) - others)

    async def test_can_be_started_again(self) -> None:
        resolver = Resolver()
        for _ in range(2):
            resolver.start()
            assert await resolver.resolve("localhost", 1)
            resolver.stop()

    async def test_refuses_names_before_it_is_started(self) -> None:
        with pytest.raises(OSError, match="not been started"):
            await Resolver().resolve("localhost", 1)

    def test_has_imported_the_codec_that_getaddrinfo_needs(self) -> None:
        assert "encodings.idna" in sys.modules
