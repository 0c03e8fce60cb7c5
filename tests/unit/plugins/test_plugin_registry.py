"""Plugins load by entry point: ours always, others only when named, and never with a silent failure."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from fapilog_otel.errors import ConfigError, PluginError
from fapilog_otel.plugins import (
    GROUPS,
    available,
    check_allow_list,
    describe,
    load_exporter_factory,
    load_source,
    load_stage,
)
from fapilog_otel.settings import load_settings

EXPORTERS, STAGES, SOURCES = GROUPS

FACTORY = """
class Factory:
    settings_model = dict
    def create(self, settings):
        return settings
factory = Factory()
not_a_factory = object()
"""
STAGE = """
class Stage:
    name = "geo"
    phase = "enrich"
    inline = True
    def __init__(self, city="Berlin"):
        self.city = city
    def __call__(self, record):
        return record
stage = Stage("Rome")
def make(city="Oslo"):
    return Stage(city)
def wrong():
    return 5
def broken():
    raise RuntimeError("no database")
"""
SOURCE = """
class Source:
    def install(self, provider):
        return self
    def to_record(self, native):
        raise NotImplementedError
source = Source()
class Wrong:
    pass
"""


class TestExporterFactory:
    def test_a_third_party_exporter_loads_when_its_name_is_allowed(self, distribution: Callable[..., None]) -> None:
        distribution("acme-otel", "acme_x", FACTORY, {EXPORTERS: {"acme": "acme_x:factory"}})
        assert load_exporter_factory("acme", ["acme"]).create({"a": 1}) == {"a": 1}

    @pytest.mark.parametrize("allowed", ["acme-otel", "Acme_OTel", "acme.otel"])
    def test_a_distribution_may_be_allowed_in_any_spelling(
        self, distribution: Callable[..., None], allowed: str
    ) -> None:
        distribution("acme-otel", "acme_d", FACTORY, {EXPORTERS: {"acme": "acme_d:factory"}})
        assert load_exporter_factory("acme", [allowed]).settings_model is dict

    def test_a_third_party_exporter_is_refused_and_not_even_imported_otherwise(
        self, distribution: Callable[..., None]
    ) -> None:
        distribution("acme-otel", "acme_n", "raise SystemExit('imported')", {EXPORTERS: {"acme": "acme_n:factory"}})
        with pytest.raises(PluginError, match="acme-otel is not allowed") as caught:
            load_exporter_factory("acme", ["other"])
        assert "plugins=['acme']" in caught.value.remedy
        assert "FAPILOG_OTEL_PLUGINS=acme" in caught.value.remedy
        assert "acme_n" not in sys.modules

    def test_an_unknown_name_lists_what_exists_and_the_near_one(self, distribution: Callable[..., None]) -> None:
        distribution("acme-otel", "acme_u", FACTORY, {EXPORTERS: {"acme_syslog": "acme_u:factory"}})
        with pytest.raises(PluginError, match="Did you mean 'acme_syslog'") as caught:
            load_exporter_factory("acme_sislog")
        assert "installed: " in caught.value.remedy

    def test_a_plugin_that_fails_to_import_is_a_loud_error_with_its_cause(
        self, distribution: Callable[..., None]
    ) -> None:
        distribution("acme-otel", "acme_b", "import no_such_module_x", {EXPORTERS: {"acme": "acme_b:factory"}})
        with pytest.raises(PluginError, match="no_such_module_x") as caught:
            load_exporter_factory("acme", ["acme"])
        assert isinstance(caught.value.__cause__, ModuleNotFoundError)

    def test_an_object_that_is_no_factory_is_refused(self, distribution: Callable[..., None]) -> None:
        distribution("acme-otel", "acme_f", FACTORY, {EXPORTERS: {"acme": "acme_f:not_a_factory"}})
        with pytest.raises(PluginError, match="is no exporter factory"):
            load_exporter_factory("acme", ["acme"])

    def test_two_allowed_distributions_under_one_name_are_ambiguous(self, distribution: Callable[..., None]) -> None:
        distribution("acme-otel", "acme_1", FACTORY, {EXPORTERS: {"acme": "acme_1:factory"}})
        distribution("evil-otel", "acme_2", FACTORY, {EXPORTERS: {"acme": "acme_2:factory"}})
        with pytest.raises(PluginError, match="several distributions"):
            load_exporter_factory("acme", ["acme"])
        assert type(load_exporter_factory("acme", ["evil-otel"])).__module__ == "acme_2"

    def test_our_own_distribution_is_allowed_without_being_named(self, distribution: Callable[..., None]) -> None:
        distribution("fapilog-otel", "x", "", {EXPORTERS: {"own_sink": "fapilog_otel.plugins.manifest:GROUPS"}})
        with pytest.raises(PluginError, match="is no exporter factory"):
            load_exporter_factory("own_sink")

    def test_calling_itself_as_we_do_makes_no_plugin_ours(self, distribution: Callable[..., None]) -> None:
        distribution("fapilog_otel", "impostor", FACTORY, {EXPORTERS: {"acme": "impostor:factory"}})
        plugin = next(plugin for plugin in describe(EXPORTERS) if plugin.name == "acme")
        assert not plugin.builtin
        assert not plugin.allowed

    def test_a_plugin_error_is_a_config_error(self) -> None:
        with pytest.raises(ConfigError):
            load_exporter_factory("nothing_like_it")


class TestStage:
    @pytest.mark.parametrize(
        ("target", "config", "city"),
        [
            ("Stage", {}, "Berlin"),
            ("Stage", {"city": "Paris"}, "Paris"),
            ("stage", {}, "Rome"),
            ("make", {}, "Oslo"),
            ("make", {"city": "Lima"}, "Lima"),
        ],
    )
    def test_a_class_a_function_or_an_object_makes_a_stage(
        self, distribution: Callable[..., None], target: str, config: dict[str, object], city: str
    ) -> None:
        distribution("acme-otel", "acme_stage", STAGE, {STAGES: {"geo": f"acme_stage:{target}"}})
        assert load_stage("geo", ["geo"], config).city == city

    def test_what_is_no_stage_is_refused(self, distribution: Callable[..., None]) -> None:
        distribution("acme-otel", "acme_stage", STAGE, {STAGES: {"geo": "acme_stage:wrong"}})
        with pytest.raises(PluginError, match="is no stage"):
            load_stage("geo", ["geo"])

    @pytest.mark.parametrize(("target", "config"), [("broken", {}), ("Stage", {"town": "x"})])
    def test_a_stage_that_cannot_be_made_is_a_loud_error(
        self, distribution: Callable[..., None], target: str, config: dict[str, object]
    ) -> None:
        distribution("acme-otel", "acme_stage", STAGE, {STAGES: {"geo": f"acme_stage:{target}"}})
        with pytest.raises(PluginError, match="failed to start") as caught:
            load_stage("geo", ["geo"], config)
        assert caught.value.setting == "stages"


class TestSource:
    @pytest.mark.parametrize("target", ["Source", "source"])
    def test_a_class_or_an_object_gives_a_source(self, distribution: Callable[..., None], target: str) -> None:
        distribution("acme-otel", "acme_source", SOURCE, {SOURCES: {"journal": f"acme_source:{target}"}})
        assert type(load_source("journal", ["journal"])).__name__ == "Source"

    def test_what_is_no_source_is_refused(self, distribution: Callable[..., None]) -> None:
        distribution("acme-otel", "acme_source", SOURCE, {SOURCES: {"journal": "acme_source:Wrong"}})
        with pytest.raises(PluginError, match="is no source"):
            load_source("journal", ["journal"])

    def test_options_go_to_the_class_and_are_refused_where_there_is_none(
        self, distribution: Callable[..., None]
    ) -> None:
        source = SOURCE + "\n\nclass Tuned(Source):\n    def __init__(self, depth=0):\n        self.depth = depth\n"
        points = {"tuned": "acme_source:Tuned", "made": "acme_source:source"}
        distribution("acme-otel", "acme_source", source, {SOURCES: points})
        assert load_source("tuned", ["acme-otel"], {"depth": 3}).depth == 3  # type: ignore[attr-defined]
        with pytest.raises(PluginError, match="failed to start"):
            load_source("tuned", ["acme-otel"], {"dpeth": 3})
        with pytest.raises(PluginError, match="takes no options, and was given depth"):
            load_source("made", ["acme-otel"], {"depth": 3})

    def test_nothing_installed_at_all_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fapilog_otel.plugins.manifest.entry_points", lambda group: ())
        with pytest.raises(PluginError, match="No plugin is registered at all"):
            load_source("stdlib")


class TestManifest:
    def test_what_is_installed_is_described_without_loading_it(self, distribution: Callable[..., None]) -> None:
        distribution("acme-otel", "acme_m", "raise SystemExit('imported')", {SOURCES: {"journal": "acme_m:Source"}})
        plugin = next(plugin for plugin in describe(SOURCES, ["journal"]) if plugin.name == "journal")
        assert (plugin.distribution, plugin.version, plugin.target) == ("acme-otel", "1.2", "acme_m:Source")
        assert (plugin.builtin, plugin.allowed) == (False, True)
        assert "journal" in available(SOURCES)
        assert "acme_m" not in sys.modules


class TestSettingsNames:
    def test_settings_know_the_exporters_that_are_installed(self, distribution: Callable[..., None]) -> None:
        distribution("acme-otel", "acme_s", FACTORY, {EXPORTERS: {"acme": "acme_s:factory"}})
        settings = load_settings({"exporters": {"main": {"type": "acme", "api_key": "k"}}}, {})
        assert settings.destinations() == {"main": {"type": "acme", "api_key": "k"}}
        assert load_settings({}, {"OTEL_LOGS_EXPORTER": "acme"}).destinations() == {"acme": {"type": "acme"}}


class TestAllowList:
    @pytest.mark.parametrize("name", ["geo", "acme-otel", "Acme_OTel"])
    def test_may_name_a_plugin_or_a_distribution(self, distribution: Callable[..., None], name: str) -> None:
        distribution("acme-otel", "acme_stage", STAGE, {STAGES: {"geo": "acme_stage:Stage"}})
        check_allow_list([name])

    def test_names_nothing_that_is_not_installed(self, distribution: Callable[..., None]) -> None:
        distribution("acme-otel", "acme_stage", STAGE, {STAGES: {"geo": "acme_stage:Stage"}})
        with pytest.raises(PluginError, match="Did you mean 'acme-otel'") as caught:
            check_allow_list(["geo", "acme-otl"])
        assert (caught.value.setting, caught.value.value) == ("plugins", "acme-otl")
        with pytest.raises(PluginError, match="Install its distribution"):
            check_allow_list(["zzz"])
