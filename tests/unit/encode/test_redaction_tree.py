from __future__ import annotations

import pytest

from fapilog_otel.encode.plan import DROP, KEEP, MASK, Redaction
from fapilog_otel.encode.redaction import redact_tree

VERDICTS = {"password": MASK, "user.token": MASK, "raw": DROP, "user.raw": DROP, "odd": 7}


def scrub(text: str) -> str:
    return text.replace("s3cret", "***") if "s3cret" in text else text


REDACTION = Redaction(lambda path: VERDICTS.get(path, KEEP), scrub)


class TestRedactTree:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("a s3cret", "a ***"),
            ({"password": 1, "a": 2}, {"password": "***", "a": 2}),
            ({"user": {"token": [1, 2], "name": "bob"}}, {"user": {"token": "***", "name": "bob"}}),
            ([{"password": "x"}, "s3cret"], [{"password": "***"}, "***"]),
            ({"user": [{"token": "x"}, {"raw": "y", "id": 1}]}, {"user": [{"token": "***"}, {"id": 1}]}),
            ({"raw": {"a": 1}}, {}),
            ({"odd": "kept?"}, {"odd": "***"}),
            (b"\xffa s3cret\x00", b"\xffa ***\x00"),
            ([b"s3cret", {"a": b"s3cret"}], [b"***", {"a": b"***"}]),
            ({"s3cret": 1, "a s3cret": {"s3cret": 2}}, {"***": 1, "a ***": {"***": 2}}),
            ({"s3crets3cret": 0, "******": 1, "s3cret": 2, "***": 3}, {"******": 0, "*******": 1, "***": 2, "****": 3}),
            ({"other": {"password": "x"}}, {"other": {"password": "x"}}),
        ],
    )
    def test_masks_drops_and_scrubs_at_every_depth(self, value: object, expected: object) -> None:
        assert redact_tree(value, "", REDACTION) == expected  # type: ignore[arg-type]

    def test_paths_begin_with_the_path_of_the_value(self) -> None:
        assert redact_tree({"token": "x"}, "user", REDACTION) == {"token": "***"}

    @pytest.mark.parametrize(
        "value", ["plain", 1, 2.5, True, None, b"plain\xff", [1, ["a"]], {"a": {"b": [None]}}, [], {}]
    )
    def test_gives_back_the_same_object_where_nothing_is_redacted(self, value: object) -> None:
        assert redact_tree(value, "", REDACTION) is value  # type: ignore[arg-type]

    def test_never_changes_its_argument(self) -> None:
        value = {"password": "x", "list": ["s3cret"]}
        redact_tree(value, "", REDACTION)
        assert value == {"password": "x", "list": ["s3cret"]}

    def test_looks_into_values_that_are_not_normalised(self) -> None:
        class Login:
            def __str__(self) -> str:
                return "login with s3cret"

        assert redact_tree([("s3cret",), Login()], "", REDACTION) == [["***"], "login with ***"]  # type: ignore[list-item]

    def test_an_endless_value_raises(self) -> None:
        endless: list[object] = []
        endless.append(endless)
        with pytest.raises(RecursionError):
            redact_tree(endless, "", REDACTION)  # type: ignore[arg-type]

    def test_without_scrub_texts_are_kept(self) -> None:
        keys = Redaction(REDACTION.verdict)
        assert redact_tree({"s3cret": b"s3cret"}, "", keys) == {"s3cret": b"s3cret"}
        assert redact_tree({"a": "s3cret", "password": "x"}, "", keys) == {"a": "s3cret", "password": "***"}

    def test_what_scrub_makes_is_valid_text(self) -> None:
        assert redact_tree("x", "", Redaction(lambda _: KEEP, lambda _: "\ud800")) == "�"
