from __future__ import annotations

import gc
import weakref

import pytest

from fapilog_otel.model.scope import Resource, Scope


class TestResource:
    def test_is_compared_by_value(self) -> None:
        assert Resource({"a": 1}, "url") == Resource({"a": 1}, "url")
        assert hash(Resource({"a": 1}, "url")) == hash(Resource({"a": 1}, "url"))

    @pytest.mark.parametrize("other", [Resource({"a": 2}), Resource({"a": 1}, "url"), Resource(), "resource", None])
    def test_differs_by_attributes_and_schema_url(self, other: object) -> None:
        assert Resource({"a": 1}) != other

    def test_its_origin_does_not_count(self) -> None:
        assert Resource({"a": 1}, origin=object()) == Resource({"a": 1})

    def test_shows_its_attributes(self) -> None:
        assert repr(Resource({"a": 1}, "url")) == "Resource(attributes={'a': 1}, schema_url='url')"

    def test_is_empty_by_default(self) -> None:
        assert (dict(Resource().attributes), Resource().schema_url, Resource().wire) == ({}, "", None)


class TestScope:
    def test_is_compared_by_value(self) -> None:
        first = Scope("n", "1", "url", {"a": 1}, resource=Resource({"r": 1}))
        second = Scope("n", "1", "url", {"a": 1}, resource=Resource({"r": 1}))
        assert first == second
        assert hash(first) == hash(second)

    @pytest.mark.parametrize(
        "other",
        [
            Scope("m", "1"), Scope("n", "2"), Scope("n", "1", "url"), Scope("n", "1", attributes={"a": 1}),
            Scope("n", "1", resource=Resource({"r": 1})), "n", None,
        ],
    )  # fmt: skip
    def test_differs_by_each_of_its_parts(self, other: object) -> None:
        assert Scope("n", "1") != other

    def test_has_an_empty_resource_by_default(self) -> None:
        assert Scope("n").resource == Resource()

    def test_moves_to_another_resource(self) -> None:
        origin = object()
        scope = Scope("n", "1", "url", {"a": 1}, origin=origin)
        scope.wire = b"cached"
        moved = scope.with_resource(Resource({"process.pid": 2}))
        assert moved.resource.attributes == {"process.pid": 2}
        assert (moved.name, moved.version, moved.schema_url, moved.attributes) == ("n", "1", "url", {"a": 1})
        assert moved.origin is origin
        assert scope.resource == Resource()

    def test_can_be_held_weakly(self) -> None:
        scope = Scope("n")
        held = weakref.ref(scope)
        del scope
        gc.collect()
        assert held() is None

    def test_shows_its_name(self) -> None:
        assert repr(Scope("n", "1")) == "Scope(name='n', version='1')"
