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


STEPPED = """\
models:
  alpha-1:
    - from: 2026-10-01
      input: $2
      cached: $0.20
      cache_write: $2.50
      output: $10
      above: {tokens: 200000, input: $4, output: $15}
      says: list price
  beta-1:
    - from: 2026-10-01
      input: $1
      output: $2
      above:
        - {tokens: 100000, input: $2, cached: $0.50, output: $4}
        - {tokens: 200000, input: $3, output: $6}
      says: list price
"""


@pytest.mark.parametrize(
    ("model", "prompt", "amount"),
    [
        ("alpha-1", 0, 2),
        ("alpha-1", 200_000, 2),
        ("alpha-1", 200_001, 4),
        ("beta-1", 100_000, 1),
        ("beta-1", 100_001, 2),
        ("beta-1", 200_000, 2),
        ("beta-1", 200_001, 3),
        ("beta-1", 10**7, 3),
    ],
)
def test_a_long_prompt_has_the_prices_of_the_highest_threshold_it_passes(
    small, model: str, prompt: int, amount: int
) -> None:
    small.write(STEPPED, "prices.yaml")
    price = small.load().prices.price(model, date(2026, 11, 1))
    assert price.tokens_of(prompt).input == Decimal(amount)


def test_above_a_threshold_only_what_is_named_there_has_a_price(small) -> None:
    small.write(STEPPED, "prices.yaml")
    price = small.load().prices.price("alpha-1", date(2026, 11, 1))
    long = price.tokens_of(200_001)
    assert long.per_million("cached") == Decimal(4)  # as input, where absent
    assert long.per_million("cache_write") is None
    assert price.per_million("cache_write") == Decimal("2.50")


def test_images_in_are_billed_as_text_unless_named_and_sound_and_cache_writes_never(small) -> None:
    price = small.load().prices.price("alpha-1", date(2026, 11, 1))
    assert price.per_million("input_image") == price.input
    for kind in ("cache_write", "cache_write_1h", "input_audio", "output_audio", "output_image"):
        assert price.per_million(kind) is None


@pytest.mark.parametrize("unit", ["input", "cached", "cache_write_1h", "output", "characters"])
def test_a_price_of_more_than_a_dollar_apiece_is_a_mistake_of_the_unit(small, unit: str) -> None:
    entry = f"{{from: 2026-10-01, {unit}: $1000000.01, says: x}}"
    small.write(f"models:\n  alpha-1:\n    - {entry}\n", "prices.yaml")
    with pytest.raises(PolicyError) as caught:
        _ = small.load().prices
    (problem,) = caught.value.problems
    assert (problem.line, problem.path) == (3, f"models.alpha-1.0.{unit}")
    assert "more than $1 apiece" in problem.message
    assert "write dollars for a million" in problem.message
    small.write(f"models:\n  alpha-1:\n    - {entry.replace('.01,', ',')}\n", "prices.yaml")
    assert getattr(small.load().prices.models["alpha-1"][0], unit) == 1_000_000


@pytest.mark.parametrize(
    ("above", "path"),
    [
        ("{tokens: 0, input: $1}", "models.alpha-1.0.above.tokens"),
        ("{input: $1}", "models.alpha-1.0.above.tokens"),
        ("{tokens: 5, inputs: $1}", "models.alpha-1.0.above.inputs"),
        ("{tokens: 5, input: $2000000}", "models.alpha-1.0.above.input"),
        ("[{tokens: 5, input: $1}, {tokens: 5, input: $2}]", "models.alpha-1.0.above"),
        ("[{tokens: 9, input: $1}, {tokens: 5, input: $2}]", "models.alpha-1.0.above"),
        ("[{tokens: 9, input: $1}, {tokens: 15, input: many}]", "models.alpha-1.0.above.1.input"),
        ("200000", "models.alpha-1.0.above"),
    ],
)
def test_a_faulty_threshold_is_told_with_its_key(small, above: str, path: str) -> None:
    entry = f"{{from: 2026-10-01, input: $1, above: {above}, says: x}}"
    small.write(f"models:\n  alpha-1:\n    - {entry}\n", "prices.yaml")
    with pytest.raises(PolicyError) as caught:
        _ = small.load().prices
    assert [(p.line, p.path) for p in caught.value.problems] == [(3, path)]
