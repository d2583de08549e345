"""Our prices beside a public list: what differs is told, what agrees is not."""

from __future__ import annotations

import sys
from datetime import date

import pytest

from orchestra_kit.core.errors import ConfigError
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.price_crosscheck import crosscheck
from orchestra_kit.shipped import path

SONNET = "from: 2025-03-01, input: $3, cached: $0.30, cache_write: $3.75, cache_write_1h: $6"
DAY = date(2026, 11, 23)


@pytest.fixture
def priced(small):
    """The small policy, whose model `beta-1` is a model that the public list knows."""
    pytest.importorskip("genai_prices", reason="genai-prices is not installed")
    small.change("model: beta-1, key", "model: claude-3-7-sonnet, key")
    small.change("beta-1: {context_window", "claude-3-7-sonnet: {context_window")

    def write(price: str) -> list[str]:
        small.write(f"models:\n  claude-3-7-sonnet: [{{{price}, says: list}}]\n", "prices.yaml")
        return [str(finding) for finding in crosscheck(small.load(), DAY)]

    return write


def test_a_price_that_agrees_is_not_told(priced) -> None:
    assert priced(f"{SONNET}, output: $15") == []


def test_a_price_that_differs_is_told_with_both_figures_and_the_share(priced) -> None:
    (told,) = priced(f"{SONNET}, output: $12")
    assert told.startswith("warning: prices.yaml models.claude-3-7-sonnet: output is $12.00")
    assert "lists $15.00 (-20.0%)" in told


def test_a_unit_that_only_the_list_prices_is_a_note(priced) -> None:
    (told,) = priced("from: 2025-03-01, input: $3, cached: $0.30, cache_write: $3.75, output: $15")
    assert told.startswith("note: ")
    assert "has no price for cache_write_1h, genai-prices lists $6.00" in told


def test_a_threshold_is_compared_beyond_and_below(priced) -> None:
    told = priced(f"{SONNET}, output: $15, above: {{tokens: 200000, input: $6, output: $15}}")
    assert [line.split("sonnet: ")[1].split(",")[0] for line in told if "warning" in line] == [
        "input above 200",
        "cached above 200",
    ]
    assert "(+100.0%)" in told[0]


def test_a_model_that_the_list_does_not_know_is_a_note(small) -> None:
    pytest.importorskip("genai_prices", reason="genai-prices is not installed")
    messages = {f.where: (f.severity, f.message) for f in crosscheck(small.load(), DAY)}
    assert messages == {
        "prices.yaml models.alpha-1": ("note", "genai-prices does not know this model at openai."),
        "prices.yaml models.beta-1": (
            "note",
            "genai-prices does not know this model at anthropic.",
        ),
    }  # the two that are billed by the picture are not asked for


def test_the_shipped_price_book_agrees_with_the_list_on_every_dated_price() -> None:
    pytest.importorskip("genai_prices", reason="genai-prices is not installed")
    policy = Policy.load(path("examples/contentforge/orchestra.yaml"))
    for day in (date(2026, 11, 23), date(2026, 12, 1), date(2027, 1, 1)):
        assert crosscheck(policy, day) == ()


def test_without_the_package_one_sentence_says_how_to_install_it(small, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)
    with pytest.raises(ConfigError) as caught:
        crosscheck(small.load(), DAY)
    assert "genai-prices is not installed" in str(caught.value)
    assert "pip install 'orchestra_kit[prices]'" in str(caught.value)
