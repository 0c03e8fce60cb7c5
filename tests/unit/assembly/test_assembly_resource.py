from __future__ import annotations

import os

import pytest
from opentelemetry.sdk.resources import Resource as SdkResource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from fapilog_otel.assembly import (
    child_resource,
    detect_resource,
    detected_instance_id,
    named_resource,
    resource_from_sdk,
    scope_from_sdk,
)
from fapilog_otel.encode.plan import Redaction
from fapilog_otel.pipeline import default_redaction


class TestDetectResource:
    def test_facts_of_the_process_and_the_sdks_own_are_there(self) -> None:
        attributes = detect_resource().attributes
        assert attributes["process.pid"] == os.getpid()
        assert attributes["telemetry.sdk.language"] == "python"
        assert attributes["service.instance.id"] == detected_instance_id()

    def test_what_is_given_goes_before_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "a=env,b=env,service.name=env")
        attributes = detect_resource({"a": "given", "service.name": "attribute"}, "argument").attributes
        assert (attributes["a"], attributes["b"], attributes["service.name"]) == ("given", "env", "argument")


class TestNamedResource:
    def test_without_a_name_it_is_the_same_object(self) -> None:
        resource = SdkResource({"k": "v"})
        assert named_resource(resource, None) is resource

    def test_a_name_replaces_the_one_there(self) -> None:
        resource = SdkResource({"service.name": "old", "k": "v"}, "https://schema")
        named = named_resource(resource, "new")
        assert (dict(named.attributes), named.schema_url) == ({"service.name": "new", "k": "v"}, "https://schema")
        assert resource.attributes["service.name"] == "old"


class TestChildResource:
    def test_the_pid_is_the_running_process_and_the_rest_stays(self) -> None:
        parent = SdkResource({"process.pid": 1, "k": "v"}, "https://schema")
        child = child_resource(parent, "unused")
        assert dict(child.attributes) == {"process.pid": os.getpid(), "k": "v"}
        assert child.schema_url == "https://schema"
        assert parent.attributes["process.pid"] == 1

    def test_a_parent_pid_is_renewed_where_there_was_one(self) -> None:
        assert (
            child_resource(SdkResource({"process.parent_pid": 1}), "").attributes["process.parent_pid"] == os.getppid()
        )

    @pytest.mark.parametrize(("present", "renewed"), [("detected", True), ("mine", False)])
    def test_an_instance_id_is_renewed_only_where_it_was_detected(self, present: str, renewed: bool) -> None:
        child = child_resource(SdkResource({"service.instance.id": present}), "detected")
        assert (child.attributes["service.instance.id"] != present) == renewed


class TestFromTheSdk:
    def test_a_resource_keeps_its_origin_and_odd_values_are_translated(self) -> None:
        sdk = SdkResource({"k": "v", "list": ["a", "b"]}, "https://schema")
        ours = resource_from_sdk(sdk)
        assert ours.attributes == {"k": "v", "list": ["a", "b"]}
        assert (ours.schema_url, ours.origin) == ("https://schema", sdk)

    def test_secrets_in_both_are_redacted_and_the_given_objects_left_alone(self) -> None:
        redaction = default_redaction(allow=["csrf_token"])
        sdk = SdkResource({"db.password": "hunter2", "url": "postgres://u:hunter2@h/d", "list": ["token=hunter2"]})
        resource = resource_from_sdk(sdk, redaction)
        assert resource.attributes == {"db.password": "***", "url": "postgres://u:***@h/d", "list": ["token=***"]}
        assert resource.origin is None  # or exporters of the SDK would be given what was redacted
        sdk_scope = InstrumentationScope("n", attributes={"api_key": "hunter2", "csrf_token": "kept"})
        scope = scope_from_sdk(sdk_scope, resource, redaction)
        assert (scope.attributes, scope.origin) == ({"api_key": "***", "csrf_token": "kept"}, None)
        assert sdk.attributes["db.password"] == sdk_scope.attributes["api_key"] == "hunter2"  # type: ignore[index]

    def test_the_origin_is_kept_where_there_is_no_secret(self) -> None:
        sdk, sdk_scope = SdkResource({"k": "v"}), InstrumentationScope("n", attributes={"a": 1})
        resource = resource_from_sdk(sdk, default_redaction())
        assert resource.origin is sdk
        assert scope_from_sdk(sdk_scope, resource, default_redaction()).origin is sdk_scope

    def test_a_redactor_that_raises_replaces_the_value(self) -> None:
        def failing(_: str) -> int:
            raise RuntimeError("no")

        resource = resource_from_sdk(SdkResource({"k": "v"}), Redaction(failing))
        assert resource.attributes == {"k": "[redaction failed]"}

    def test_none_is_the_empty_resource(self) -> None:
        assert (resource_from_sdk(None).attributes, resource_from_sdk(None).schema_url) == ({}, "")

    def test_a_scope_keeps_its_origin(self) -> None:
        resource = resource_from_sdk(SdkResource({}))
        sdk = InstrumentationScope("n", "1", "https://schema", {"a": 1})
        ours = scope_from_sdk(sdk, resource)
        assert (ours.name, ours.version, ours.schema_url, ours.attributes) == ("n", "1", "https://schema", {"a": 1})
        assert ours.origin is sdk
        assert ours.resource is resource

    def test_no_scope_is_the_empty_one(self) -> None:
        assert scope_from_sdk(None, resource_from_sdk(None)).name == ""
