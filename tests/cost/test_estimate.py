from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.answer import Usage
from orchestra_kit.core.decision import Classification
from orchestra_kit.core.request import Context
from orchestra_kit.cost.estimate import (
    billed_cost,
    expected_cost,
    expected_usage,
    upper_cost,
)
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.context import measure
from tests.routing.small import PRICES, TODAY, a_request, write_policy


def context(text: str, task: str = "letter") -> Context:
    return measure(a_request(text), Classification(task, 1.0), budget_left=1.0)


def test_without_a_length_the_mean_measured_output_is_expected(policy: Policy) -> None:
    asked = context("Write a letter about tea")
    found = expected_usage(policy, "middling", "letter", asked)
    assert found is not None
    assert found.output_tokens == 500
    cost = expected_cost(policy, "middling", "letter", asked, TODAY)
    assert cost == (asked.tokens + 500 * 4) / Decimal(1_000_000)


def test_a_length_asked_for_is_expected_instead_with_the_models_own_verbosity(
    policy: Policy,
) -> None:
    asked = context("Write a letter of 900 words about tea")
    strong, light = (expected_usage(policy, name, "letter", asked) for name in ("strong", "light"))
    assert strong is not None
    assert light is not None
    assert strong.output_tokens == pytest.approx(1.5 * light.output_tokens, abs=1)
    assert light.output_tokens < 1200 < strong.output_tokens


def test_no_more_is_expected_than_the_task_allows(policy: Policy) -> None:
    found = expected_usage(policy, "strong", "letter", context("Write 90,000 words about tea"))
    assert found is not None
    assert found.output_tokens == policy.tasks["letter"].max_output_tokens


def test_what_was_never_measured_and_not_asked_for_is_unknown(policy: Policy) -> None:
    assert expected_usage(policy, "fresh", "letter", context("Write a letter")) is None
    assert expected_cost(policy, "unpriced", "letter", context("Write a letter"), TODAY) is None


def test_a_picture_costs_one_picture_and_its_unpriced_prompt_nothing(policy: Policy) -> None:
    asked = context("Draw a fox", "picture")
    assert expected_cost(policy, "painter", "picture", asked, TODAY) == Decimal("0.04")
    assert upper_cost(policy, "painter", "picture", "Draw a fox", TODAY) == Decimal("0.04")
    used = Usage(input_tokens=9, output_tokens=1_756, images=1)
    assert billed_cost(policy, "painter", used, TODAY) == Decimal("0.04")


def test_speech_costs_its_characters(policy: Policy) -> None:
    text = "Read this: hello"
    assert upper_cost(policy, "voice", "speech", text, TODAY) == Decimal("0.00128")
    used = Usage(input_tokens=4, characters=16, seconds=1.2)
    assert billed_cost(policy, "voice", used, TODAY) == Decimal("0.00128")


def test_the_price_in_force_on_the_day_counts(policy: Policy) -> None:
    asked = context("Write a letter about tea")
    before = expected_cost(policy, "light", "letter", asked, date(2026, 11, 30))
    after = expected_cost(policy, "light", "letter", asked, date(2026, 12, 1))
    assert before is not None
    assert after == 2 * before
    assert expected_cost(policy, "light", "letter", asked, date(2025, 12, 1)) is None


def test_what_a_session_repeats_is_expected_at_the_price_of_the_cache(policy: Policy) -> None:
    asked = context("Write a letter about tea")
    cold = expected_cost(policy, "strong", "letter", asked, TODAY)
    warm = expected_cost(policy, "strong", "letter", asked, TODAY, warm_tokens=4)
    assert cold is not None
    assert warm == cold - 4 * (Decimal(2) - Decimal("0.5")) / 1_000_000
    most = expected_usage(policy, "strong", "letter", asked, warm_tokens=10**9)
    assert most is not None
    assert (most.input_tokens, most.cached_tokens) == (0, asked.tokens)
    assert expected_usage(policy, "strong", "letter", asked, warm_tokens=-3) == expected_usage(
        policy, "strong", "letter", asked
    )


def test_a_picture_is_billed_by_token_where_the_book_has_no_price_of_one(tmp_path: Path) -> None:
    priced = PRICES.replace("image: $0.04", "input: $5, output_image: $30")
    by_token = write_policy(tmp_path, prices=priced)
    used = Usage(input_tokens=100, output_image_tokens=1_000, images=1)
    assert billed_cost(by_token, "painter", used, TODAY) == Decimal("0.0305")
    assert billed_cost(by_token, "painter", Usage(images=1), TODAY) is None


def test_speech_is_billed_by_token_where_the_book_prices_nothing_else(tmp_path: Path) -> None:
    by_token = write_policy(tmp_path, prices=PRICES.replace("characters: $80", "output_audio: $12"))
    used = Usage(characters=16, seconds=1.2, output_audio_tokens=1_000)
    assert billed_cost(by_token, "voice", used, TODAY) == Decimal("0.012")
    assert billed_cost(by_token, "voice", Usage(characters=16), TODAY) is None


def test_the_worst_case_counts_the_dearest_way_in_and_the_dearest_step(tmp_path: Path) -> None:
    above = "above: {tokens: 150, input: $7, cache_write: $9, output: $1}"
    priced = PRICES.replace("cached: $0.50", f"cached: $0.50, cache_write: $3, {above}")
    stepped = write_policy(tmp_path, prices=priced)
    below = upper_cost(stepped, "strong", "letter", "x" * 86, TODAY, max_output_tokens=10)
    assert below == (150 * 3 + 10 * 10) / Decimal(1_000_000)
    beyond = upper_cost(stepped, "strong", "letter", "x" * 87, TODAY, max_output_tokens=10)
    assert beyond == (151 * 9 + 10 * 1) / Decimal(1_000_000)
    # The prompt may yet turn out shorter, and then its long answer is billed below the step.
    answered = upper_cost(stepped, "strong", "letter", "x" * 87, TODAY, max_output_tokens=4_000)
    assert answered == (151 * 3 + 4_000 * 10) / Decimal(1_000_000)


def test_the_worst_case_of_an_unknown_price_is_unknown(policy: Policy) -> None:
    assert upper_cost(policy, "unpriced", "letter", "Hello", TODAY) is None


def test_the_worst_case_is_rounded_up_to_a_whole_nano_dollar(policy: Policy) -> None:
    found = upper_cost(policy, "light", "letter", "Hi", TODAY, max_output_tokens=1)
    assert found is not None
    assert found == found.quantize(Decimal("1e-9"))


@given(
    text=st.text(min_size=1, max_size=300),
    system=st.text(max_size=50),
    share=st.floats(0, 1),
    output=st.integers(0, 4000),
    cached=st.floats(0, 1),
)
def test_no_usage_within_the_bounds_costs_more_than_the_worst_case(
    policy: Policy, text: str, system: str, share: float, output: int, cached: float
) -> None:
    upper = upper_cost(policy, "strong", "letter", text, TODAY, system=system)
    # A byte-level tokenizer makes at most one token of each byte.
    tokens = int(share * len((text + system).encode("utf-8", "surrogatepass")))
    from_cache = int(tokens * cached)
    used = Usage(
        input_tokens=tokens - from_cache,
        cached_tokens=from_cache,
        output_tokens=output // 2,
        reasoning_tokens=output - output // 2,
    )
    cost = billed_cost(policy, "strong", used, TODAY)
    assert upper is not None
    assert cost is not None
    assert cost <= upper
