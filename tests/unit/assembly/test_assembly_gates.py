from __future__ import annotations

import pytest

from fapilog_otel.assembly import LevelGate

LEVELS = {"shop": 13, "shop.cart": 5, "other": 0}


class TestLevelGate:
    @pytest.mark.parametrize(
        ("name", "level"),
        [
            ("shop", 13),
            ("shop.cart", 5),
            ("shop.cart.deep.er", 5),
            ("shop.till", 13),
            ("shopping", 9),
            ("other.x", 0),
            ("", 9),
            (".", 9),
            ("shop.", 13),
        ],
    )
    def test_the_longest_dotted_prefix_decides(self, name: str, level: int) -> None:
        assert LevelGate(9, LEVELS).of(name) == level

    def test_a_default_may_be_given_per_question(self) -> None:
        gate = LevelGate(9, LEVELS)
        assert gate.of("unknown", 1) == 1
        assert gate.of("shop", 1) == 13

    def test_without_rules_all_pass(self) -> None:
        assert LevelGate().of("anything") == 0

    def test_the_empty_name_is_the_roots_and_holds_for_all_others(self) -> None:
        gate = LevelGate(9, {"": 17, "shop": 5})
        assert [gate.of(name) for name in ("", "other", "other.deep", "shop", "shop.cart")] == [17, 17, 17, 5, 5]
