from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapilog_otel.pipeline.cards import is_card_number, luhn_valid, mask_cards
from tests.unit.pipeline.made_up_secrets import CARDS


class TestIsCardNumber:
    @pytest.mark.parametrize("number", CARDS)
    def test_knows_the_issuers_test_numbers(self, number: str) -> None:
        assert is_card_number(number)

    @pytest.mark.parametrize("number", CARDS)
    def test_a_wrong_check_digit_is_no_card(self, number: str) -> None:
        assert not is_card_number(number[:-1] + str((int(number[-1]) + 1) % 10))

    @pytest.mark.parametrize(
        "number", ["0000000000000000", "1111111111111117", "9999999999999995", "378282246310005" + "0"]
    )
    def test_no_issuer_or_wrong_length_is_no_card(self, number: str) -> None:
        assert not is_card_number(number)

    def test_random_16_digit_ids_rarely_match(self) -> None:
        draw = random.Random(20)
        matches = sum(is_card_number(f"{draw.randrange(10**16):016}") for _ in range(20_000))
        assert matches / 20_000 < 0.035  # the check digit alone: 0.1

    def test_consecutive_and_time_based_ids_rarely_match(self) -> None:
        start = 1_795_000_000_000_000  # microseconds
        assert sum(is_card_number(str(start + step)) for step in range(5_000)) == 0


class TestLuhnValid:
    @given(st.text("0123456789", min_size=2, max_size=30), st.integers(1, 9), st.data())
    def test_detects_any_single_wrong_digit(self, digits: str, step: int, data: st.DataObject) -> None:
        check = next(str(digit) for digit in range(10) if luhn_valid(digits + str(digit)))
        number = digits + check
        position = data.draw(st.integers(0, len(number) - 1))
        wrong = number[:position] + str((int(number[position]) + step) % 10) + number[position + 1 :]
        assert not luhn_valid(wrong)


class TestMaskCards:
    @pytest.mark.parametrize(
        ("text", "masked"),
        [
            ("4111111111111111", "#"),
            ("4111 1111 1111 1111", "#"),
            ("4111-1111-1111-1111", "#"),
            ("3782 822463 10005", "#"),
            ("n=4111111111111111,", "n=#,"),
            ("card_4111111111111111", "card_#"),
            ("2026-11-24 4111111111111111 12", "2026-11-24 # 12"),
            ("4111111111111111 5555555555554444", "# #"),
            ("4111111111111111\n5555 5555 5555 4444", "#\n#"),
            ("4111111111111111.", "#."),
            ("4111 1111 1111 1111 003", "#"),  # of 19 digits; its first 16 would be a card too
        ],
    )
    def test_masks_the_number_and_nothing_else(self, text: str, masked: str) -> None:
        assert mask_cards(text, "#") == masked

    @pytest.mark.parametrize(
        "text",
        [
            "52541826-6798-4072-95ab-40606b8abe8d", "urn:uuid:52541826-6798-4072-95AB-40606B8ABE8D",
            "{52541826-6798-4072-95ab-40606b8abe8d}", "x=52541826-6798-4072-9512-406068878783,",
        ],
    )  # fmt: skip
    def test_leaves_uuids_alone(self, text: str) -> None:
        assert mask_cards(text, "#") == text

    def test_a_number_beside_a_uuid_is_masked(self) -> None:
        uuid = "52541826-6798-4072-9512-406068878783"
        for text in (f"{uuid} 4111111111111111", f"4111 1111 1111 1111 {uuid}", f"{uuid},4111-1111-1111-1111"):
            assert "1111" not in mask_cards(text, "#")
            assert uuid in mask_cards(text, "#")

    @pytest.mark.parametrize("text", ["52541826-6798-4072", "52541826-6798-4072-95ab-40606b8abe8", "5254182667984072"])
    def test_what_only_begins_like_a_uuid_may_be_a_card(self, text: str) -> None:
        assert mask_cards(text, "#") != text

    @pytest.mark.parametrize(
        "text",
        ["0.4111111111111111", "4111111111111111.0", "x4111111111111111", "4111111111111111e", "41111111111111111111"],
    )
    def test_leaves_decimals_hexadecimals_and_longer_numbers_alone(self, text: str) -> None:
        assert mask_cards(text, "#") == text
