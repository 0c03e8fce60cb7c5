from __future__ import annotations

import copy
import pickle
from typing import ClassVar

import pytest

from fapilog_otel import errors
from fapilog_otel.errors import (
    ConfigError,
    DeliveryError,
    FapilogOtelError,
    PermanentError,
    PluginError,
    RetryableError,
    map_exceptions,
)


class TestHierarchy:
    @pytest.mark.parametrize("name", [name for name in errors.__all__ if name.endswith("Error")])
    def test_every_error_is_ours(self, name: str) -> None:
        assert issubclass(getattr(errors, name), FapilogOtelError)

    def test_names_are_sorted(self) -> None:
        assert errors.__all__ == sorted(errors.__all__)

    def test_a_bad_setting_is_a_value_error_too(self) -> None:
        assert issubclass(ConfigError, ValueError)
        assert issubclass(PluginError, ConfigError)

    @pytest.mark.parametrize("kind", [PermanentError, RetryableError])
    def test_what_a_transport_raises_is_a_delivery_error(self, kind: type[Exception]) -> None:
        assert issubclass(kind, DeliveryError)


class TestConfigError:
    error = ConfigError("timeout", -1, "it is negative", "Give seconds above 0", "environment FAPILOG_OTEL_TIMEOUT")

    def test_names_setting_value_origin_problem_and_remedy(self) -> None:
        text = "timeout=-1 (from environment FAPILOG_OTEL_TIMEOUT): it is negative. Give seconds above 0"
        assert str(self.error) == text

    def test_is_by_default_about_an_argument(self) -> None:
        assert ConfigError("a", 1, "p", "r").origin == "argument"

    @pytest.mark.parametrize("kind", [ConfigError, PluginError])
    def test_survives_pickling_and_copying(self, kind: type[ConfigError]) -> None:
        error = kind("a", [1], "p", "r", "default")
        for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(other) is kind
            assert (str(other), other.value, other.origin) == (str(error), [1], "default")


class TestDeliveryErrors:
    def test_carry_a_reason_for_the_counters(self) -> None:
        assert [DeliveryError("x").reason, PermanentError("x").reason, RetryableError("x").reason] == [
            "error", "permanent", "unavailable",
        ]  # fmt: skip
        assert PermanentError("x", reason="http_400").reason == "http_400"

    def test_tell_whether_a_smaller_request_may_pass(self) -> None:
        assert PermanentError("x", too_large=True).too_large
        assert not PermanentError("x").too_large

    def test_carry_the_delay_that_the_server_asked_for(self) -> None:
        assert RetryableError("x", delay=2.5).delay == 2.5
        assert RetryableError("x").delay is None


class TestMapExceptions:
    MAPPING: ClassVar = {ConnectionRefusedError: PermanentError, OSError: RetryableError}

    def test_turns_a_library_error_into_ours_and_chains_it(self) -> None:
        with pytest.raises(RetryableError, match=r"^BrokenPipeError: pipe$") as caught, map_exceptions(self.MAPPING):
            raise BrokenPipeError("pipe")
        assert isinstance(caught.value.__cause__, BrokenPipeError)

    def test_tries_types_in_their_order(self) -> None:
        with pytest.raises(PermanentError), map_exceptions(self.MAPPING):
            raise ConnectionRefusedError("no")

    @pytest.mark.parametrize("error", [KeyError("k"), KeyboardInterrupt(), RetryableError("ours", delay=3)])
    def test_lets_everything_else_through(self, error: BaseException) -> None:
        with pytest.raises(type(error)) as caught, map_exceptions(self.MAPPING):
            raise error
        assert caught.value is error

    def test_does_nothing_where_nothing_is_raised(self) -> None:
        with map_exceptions(self.MAPPING):
            done = True
        assert done

    def test_maps_nothing_without_a_mapping(self) -> None:
        with pytest.raises(OSError, match="as it is"), map_exceptions({}):
            raise OSError("as it is")
