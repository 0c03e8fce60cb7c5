"""Whatever is written: the standard environment never raises, and everything else raises nothing but ConfigError."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from fapilog_otel.errors import ConfigError
from fapilog_otel.settings import Settings, load_settings
from fapilog_otel.settings.fapilog_env import variable
from fapilog_otel.settings.otel_env import VARIABLES

STANDARD = sorted(name for known in VARIABLES for name in known.names)
SETTINGS = sorted(Settings.model_fields)
PATHS = sorted(line.name for line in load_settings({}, {}).describe())

text = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.from_regex(r"\A(http|https|grpc)?(://)?[a-z@:%\[\]]*(:\d+)?/?[a-z?#]*\Z"),
    st.from_regex(r"\A-?\d+(\.\d+)?\Z"),
    st.sampled_from(
        ["none", "true", "[]", "{}", '{"a": 1}', "[1", "a=b", "=", ",", "otlp", "grpc", "nan", "1e999", "²"]
    ),
)
anything = st.recursive(
    st.one_of(text, st.integers(), st.floats(), st.booleans(), st.binary(max_size=10), st.none(), st.just(object())),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(text, st.integers()), inner, max_size=3)
    ),
    max_leaves=5,
)


class TestAnything:
    @given(st.dictionaries(st.sampled_from(STANDARD), text, max_size=6))
    def test_no_standard_variable_ever_raises(self, environ: dict[str, str]) -> None:
        settings = load_settings({}, environ)
        assert settings.destinations() is not None
        assert repr(settings)

    @given(st.dictionaries(st.sampled_from(PATHS), text, max_size=4))
    def test_our_variables_raise_nothing_but_config_errors(self, values: dict[str, str]) -> None:
        with suppress(ConfigError):
            load_settings({}, {variable(path): value for path, value in values.items()}).describe()

    @given(st.dictionaries(st.sampled_from(SETTINGS), anything, max_size=3))
    def test_arguments_raise_nothing_but_config_errors(self, arguments: dict[str, object]) -> None:
        with suppress(ConfigError):
            load_settings(arguments, {}).describe()
