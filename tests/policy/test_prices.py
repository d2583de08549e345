"""A price is the one in force on the day; what has no price is unknown, never free."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from orchestra_kit.core.errors import PolicyError


def test_the_price_of_a_day_is_the_last_that_began_before_it(small) -> None:
    small.write(
        "models:\n  alpha-1:\n"
        "    - {from: 2026-12-01, input: $4, output: $20, says: announced}\n"
        "    - {from: 2026-10-13, input: $2, output: $10, says: list price}\n",
        "prices.yaml",
    )
    book = small.load().prices
    assert book.price("alpha-1", date(2026, 10, 12)) is None
    assert book.price("alpha-1", date(2026, 10, 13)).input == Decimal(2)
    assert book.price("alpha-1", date(2026, 11, 30)).input == Decimal(2)
    assert book.price("alpha-1", date(2026, 12, 1)).input == Decimal(4)
    assert book.price("nobody", date(2026, 12, 1)) is None


def test_a_token_costs_a_millionth_and_a_cached_one_as_a_fresh_one_without_a_price(small) -> None:
    price = small.load().prices.price("alpha-1", date(2026, 11, 1))
    assert price.per_token("input") == Decimal("0.000001")
    assert price.per_token("cached") == price.per_token("input")
    image = small.load().prices.price("gamma-1", date(2026, 11, 1))
    assert image.per_token("input") is None


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ("{from: 2026-10-01, input: $-1, says: x}", "models.alpha-1.0.input"),
        ("{from: 2026-10-01, input: nan, says: x}", "models.alpha-1.0.input"),
        ("{from: yesterday, input: $1, says: x}", "models.alpha-1.0.from"),
        ("{from: 2026-10-01, input: $1}", "models.alpha-1.0.says"),
        ("{from: 2026-10-01, inputs: $1, says: x}", "models.alpha-1.0.inputs"),
    ],
)
def test_a_faulty_price_is_told_with_its_key(small, entry: str, path: str) -> None:
    small.write(f"models:\n  alpha-1:\n    - {entry}\n", "prices.yaml")
    with pytest.raises(PolicyError) as caught:
        _ = small.load().prices
    (problem,) = caught.value.problems
    assert (problem.line, problem.path) == (3, path)


def test_a_capability_without_a_count_or_interval_is_refused(small) -> None:
    small.change("p50: 3, p95: 6, n: 50", "p50: 3, p95: 6, n: 0", "capabilities.yaml")
    small.change("quality: 0.9, quality_low: 0.8,", "quality: 0.9,", "capabilities.yaml")
    with pytest.raises(PolicyError) as caught:
        _ = small.load().capabilities
    assert [p.path for p in caught.value.problems] == [
        "cells.beta.letter.quality_low",
        "cells.delta.picture.n",
    ]


def test_a_cell_that_was_never_measured_is_none(small) -> None:
    assert small.load().capabilities.cell("alpha", "picture") is None
    assert small.load().capabilities.cell("alpha", "letter").quality == 0.8
