from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fapilog_otel.encode.plan import DROP, KEEP, MASK, EncodePlan, Limits, Redaction
from fapilog_otel.encode.values import record_payload
from fapilog_otel.errors import ConfigError
from fapilog_otel.model.record import Record
from fapilog_otel.pipeline.redact import (
    RedactStage,
    combine,
    default_redaction,
    field_blocker,
    field_mask,
    redact_record,
    regex_mask,
    url_credentials,
)
from tests.unit.pipeline import made_up_secrets as secrets

DEFAULT = default_redaction()

KEYS = st.sampled_from(["password", "user", "token", "raw", "note", "a.password", "ünï"]) | st.text(max_size=3)
TEXTS = st.sampled_from([text for text, _, _ in secrets.IN_TEXT + secrets.URLS]) | st.text(max_size=10)
LEAVES = TEXTS | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none() | st.binary(max_size=4)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


def scrubbed(redaction: Redaction, text: str) -> str:
    assert redaction.scrub is not None
    return redaction.scrub(text)


class TestDefaultRedaction:
    def test_masks_keys_and_values_in_body_and_attributes(self) -> None:
        record = Record(
            body={"note": f"jwt {secrets.JWT}", "user": {"password": "hunter2", "name": "bob"}},
            attributes={
                "api_key": 42,
                "db.url": "postgres://bob:hunter2@db/x",
                "headers": [{"Authorization": "x", "Accept": "*/*"}],
                "cards": [secrets.CARDS[0], "none"],
                "token_count": 7,
            },
        )
        clean = redact_record(record, DEFAULT)
        assert clean.body == {"note": "jwt ***", "user": {"password": "***", "name": "bob"}}
        assert clean.attributes == {
            "api_key": "***",
            "db.url": "postgres://bob:***@db/x",
            "headers": [{"Authorization": "***", "Accept": "*/*"}],
            "cards": ["***", "none"],
            "token_count": 7,
        }

    def test_keeps_the_record_where_there_is_nothing_to_redact(self) -> None:
        record = Record(body="order placed", attributes={"order_id": "o-1", "total": 12.5, "ok": True})
        assert redact_record(record, DEFAULT) is record

    def test_keeps_everything_but_body_and_attributes(self) -> None:
        record = Record(timestamp=1, observed_timestamp=2, severity_number=9, trace_id=3, span_id=4, body="password=x")
        assert redact_record(record, DEFAULT) == record.replace(body="password=***")

    def test_a_mask_of_ones_own_replaces_keys_and_values(self) -> None:
        redaction = default_redaction(mask="[gone]")
        record = redact_record(Record(body=f"jwt {secrets.JWT}", attributes={"password": "x"}), redaction)
        assert (record.body, record.attributes) == ("jwt [gone]", {"password": "[gone]"})

    def test_extra_keys_match_by_name_and_dotted_ones_by_path(self) -> None:
        verdict = default_redaction(extra_keys=["iban", "user.email"]).verdict
        paths = ["customer_iban", "user.email", "order.user.email", "email", "other.email", "password"]
        assert [verdict(path) for path in paths] == [MASK, MASK, MASK, KEEP, KEEP, MASK]

    def test_an_extra_pattern_is_run_on_every_text(self) -> None:
        redaction = default_redaction(extra_patterns=[r"cust-\d+", re.compile("x{3}")])
        assert redaction.always
        assert scrubbed(redaction, "cust-17 xxx") == "*** ***"

    def test_one_text_in_place_of_a_list_is_one_name(self) -> None:
        assert default_redaction(extra_keys="iban").verdict("n") == KEEP
        assert scrubbed(default_redaction(extra_patterns="cust"), "cust") == "***"

    def test_declares_what_the_native_scan_looks_for(self) -> None:
        assert DEFAULT.digits
        assert not DEFAULT.always
        assert {"://", "eyj", "bearer"} <= set(DEFAULT.literals)

    @pytest.mark.parametrize(
        ("without", "left"),
        [
            (["regex_mask"], ("***", "://a:***@h", secrets.JWT)),
            (["url_credentials"], ("***", "://a:b@h", "***")),
            (["field_mask"], ("hunter2", "://a:***@h", "***")),
            (["url_credentials", "regex_mask"], ("***", "://a:b@h", secrets.JWT)),
        ],
    )
    def test_any_redactor_can_be_left_out_by_name(self, without: list[str], left: tuple[str, ...]) -> None:
        redaction = DEFAULT.excluding(without)
        assert redaction is not None
        record = Record(attributes={"password": "hunter2", "url": "://a:b@h", "jwt_text": secrets.JWT})
        assert tuple(redact_record(record, redaction).attributes.values()) == left

    def test_without_all_redactors_nothing_is_left(self) -> None:
        assert DEFAULT.excluding(["field_mask", "url_credentials", "regex_mask"]) is None

    def test_without_none_it_is_itself(self) -> None:
        assert DEFAULT.excluding([]) is DEFAULT

    @given(st.text(max_size=30), st.sampled_from([text for text, _, _ in secrets.IN_TEXT + secrets.URLS]))
    def test_its_parts_one_after_the_other_do_the_same(self, noise: str, secret: str) -> None:
        text = secret + noise
        parts = combine(*(redaction for _, redaction in DEFAULT.parts))
        assert scrubbed(parts, text) == scrubbed(DEFAULT, text)


class TestFieldMask:
    @pytest.mark.parametrize("path", ["user.email", "User.Email", "order.user.email", "USER.EMAIL"])
    def test_matches_a_path_and_the_end_of_one(self, path: str) -> None:
        assert field_mask(["user.Email"]).verdict(path) == MASK

    @pytest.mark.parametrize("path", ["email", "superuser.email", "user.email.domain", "user_email"])
    def test_matches_whole_components_only(self, path: str) -> None:
        assert field_mask(["user.email"]).verdict(path) == KEEP

    def test_masks_any_kind_of_value(self) -> None:
        record = Record(attributes={"a": [1, {"b": 2}], "b": 1, "c": 3})
        assert redact_record(record, field_mask(["a", "b"])).attributes == {"a": "***", "b": "***", "c": 3}

    def test_without_names_nothing_is_masked(self) -> None:
        assert field_mask([]).verdict("") == KEEP

    @pytest.mark.parametrize("name", ["", " ", "."])
    def test_refuses_an_empty_name(self, name: str) -> None:
        with pytest.raises(ConfigError, match="fields"):
            field_mask([name])


class TestFieldBlocker:
    def test_drops_known_fields_at_any_depth(self) -> None:
        record = Record(body={"requestBody": "x", "a": 1}, attributes={"payload": "x", "http": {"raw": "x", "ok": 1}})
        clean = redact_record(record, field_blocker())
        assert (clean.body, clean.attributes) == ({"a": 1}, {"http": {"ok": 1}})

    def test_drops_a_field_without_a_value_too(self) -> None:
        assert redact_record(Record(attributes={"payload": None}), field_blocker()).attributes == {}

    def test_allowed_names_are_kept(self) -> None:
        verdict = field_blocker(["a_b", "c"], allowed=["AB"]).verdict
        assert [verdict("aB"), verdict("x.c")] == [KEEP, DROP]


class TestRegexMask:
    def test_masks_what_matches_in_texts(self) -> None:
        redaction = regex_mask([r"\d{3}-\d{4}"])
        assert redaction.always
        assert redact_record(Record(body="call 555-1234", attributes={"n": 5551234}), redaction).body == "call ***"

    def test_masks_the_values_of_matching_paths(self) -> None:
        redaction = regex_mask(paths=[r"user\..*mail"])
        assert redaction.scrub is None
        assert [redaction.verdict(path) for path in ("user.email", "x.user.mail", "user.mailbox")] == [MASK, KEEP, KEEP]

    def test_refuses_a_path_that_is_no_expression(self) -> None:
        with pytest.raises(ConfigError, match="paths"):
            regex_mask(paths=["("])


class TestCombine:
    def test_the_strictest_verdict_wins(self) -> None:
        both = combine(field_mask(["raw", "a"]), field_blocker(["raw"]))
        assert [both.verdict(path) for path in ("raw", "a", "b")] == [DROP, MASK, KEEP]

    def test_an_unknown_verdict_masks(self) -> None:
        both = combine(Redaction(lambda _: 9), field_mask(["a"]))
        assert both.verdict("b") == MASK

    def test_unites_what_each_looks_for(self) -> None:
        both = combine(url_credentials(), regex_mask(["x"]))
        assert (both.literals, both.digits, both.always) == (("://",), False, True)
        assert scrubbed(both, "://a:b@h x") == "://a:***@h ***"

    def test_one_is_itself(self) -> None:
        one = url_credentials()
        assert combine(one) is one

    def test_keys_only_have_no_scrub(self) -> None:
        assert combine(field_mask(["a"]), field_mask(["b"])).scrub is None

    @pytest.mark.parametrize("redactions", [(), (field_mask(["a"]), field_mask(["b"], mask="-"))])
    def test_refuses_none_and_different_masks(self, redactions: tuple[Redaction, ...]) -> None:
        with pytest.raises(ValueError, match="redaction"):
            combine(*redactions)


class TestRedactStage:
    def test_shows_its_name(self) -> None:
        assert repr(RedactStage("field_mask", field_mask(["a"]))) == "RedactStage('field_mask')"


class TestRedactRecord:
    def test_finds_secrets_in_the_text_of_objects_that_a_stage_attached(self) -> None:
        class Connection:
            def __str__(self) -> str:
                return "postgres://bob:hunter2@db"

        record = Record(attributes={"c": (Connection(),)})  # type: ignore[dict-item]
        assert redact_record(record, DEFAULT).attributes == {"c": ["postgres://bob:***@db"]}

    def test_an_endless_attribute_of_a_stage_is_cut(self) -> None:
        endless: dict[str, object] = {"password": "x"}
        endless["me"] = [endless, endless]
        record = redact_record(Record(attributes={"e": endless}), DEFAULT, Limits(nodes=50))  # type: ignore[dict-item]
        assert "'password': '***'" in str(record.attributes)
        assert "'x'" not in str(record.attributes)

    def test_numbers_and_bytes_without_a_secret_are_kept(self) -> None:
        record = Record(body=b"\x89PNG\xff", attributes={"n": 4111111111111111})
        assert redact_record(record, DEFAULT) is record

    def test_bytes_and_the_keys_of_mappings_are_scrubbed(self) -> None:
        record = Record(body=b"\xffpassword=x", attributes={"a": [b"pwd=x"], "b": {"token=x": {"pwd=y": 1}}})
        clean = redact_record(record, DEFAULT)
        assert clean.body == b"\xffpassword=***"
        assert clean.attributes == {"a": [b"pwd=***"], "b": {"token=***": {"pwd=***": 1}}}

    @settings(max_examples=150)
    @given(TREES, st.dictionaries(KEYS, TREES, max_size=4))
    def test_the_record_stage_and_the_encoder_write_the_same_bytes(
        self, body: object, attributes: dict[str, object]
    ) -> None:
        redaction = combine(DEFAULT, field_blocker(["raw"]))
        record = Record(body=body, attributes=attributes)  # type: ignore[arg-type]
        natively = record_payload(record, EncodePlan(redaction=redaction))
        assert record_payload(RedactStage("r", redaction)(record), EncodePlan()) == natively
