"""Every claim on every table, hand-worked on two models of which each is right at one task."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.claims import CLAIMS, Ledger, Verdict
from orchestra_kit.outcomes.table import Outcomes

PRICE = {"cheap": 0.001, "dear": 0.01}
BIRDS = ("robin", "wren", "heron", "swift", "finch", "crane", "raven", "stork")


def _outcomes(right: dict[tuple[str, str], float], queries: int = 100, **extra) -> Outcomes:
    """`right`: the share of each task's queries that a model answers well, task by task.

    The first queries of each ten are the ones answered well, so that shares are exact.
    """
    rows = []
    for task in sorted({task for task, _ in right}):
        for number in range(queries):
            side = "test" if number >= queries // 2 else "train"
            for model, price in PRICE.items():
                good = number % 10 < round(10 * right[task, model])
                rows.append(
                    {
                        "dataset": "worked", "query_id": f"{task}{number:03d}", "task": task,
                        "prompt": f"{task} {BIRDS[number % 8]} {number}", "model": model,
                        "score": float(good), "input_tokens": 5.0, "output_tokens": 5.0,
                        "tokens_source": "recorded", "cost_usd": price,
                        "cost_source": "list_price", "latency_s": 1.0,
                        "answer": f"{number}" if good else f"not {number}, says {model}",
                        "split": side, **extra,
                    }
                )  # fmt: skip
    return Outcomes(pd.DataFrame(rows), ("memory",), Source.RECORDED)


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """Sums go to cheap and poems to dear, or half of them are wrong."""
    right = {("sum", "cheap"): 1.0, ("sum", "dear"): 0.2,
             ("poem", "cheap"): 0.2, ("poem", "dear"): 1.0,
             ("song", "cheap"): 0.2, ("song", "dear"): 1.0}  # fmt: skip
    return Ledger.measure({"worked": _outcomes(right)}, progress=False)


def test_there_is_a_row_for_each_claim_in_the_order_of_the_list(ledger: Ledger) -> None:
    assert [entry.claim for entry in ledger.entries] == list(CLAIMS)


def test_a_task_label_that_tells_everything_brings_what_the_hand_works_out(ledger: Ledger) -> None:
    """Dear alone scores (0.2 + 1 + 1) / 3; by label every answer is right: 3 / 2.2 - 1."""
    (found,) = ledger.of("routing_quality")
    assert found.measured.value == pytest.approx(3 / 2.2 - 1)
    assert found.n == 150
    assert found.data.source == "recorded"
    # 0.364 reaches 0.31, but its interval does not wholly.
    assert found.verdict is Verdict.SUGGESTS


def test_a_saving_is_told_with_the_quality_at_which_it_was_made(ledger: Ledger) -> None:
    """A third of the queries at a tenth of the price: (0.1 + 1 + 1) / 3 - 1 = -30 %."""
    (found,) = ledger.of("routing_cost")
    assert found.measured.value <= -0.3 + 1e-9
    assert "of the quality of dear" in found.note


def test_a_failed_cheap_attempt_costs_its_price_over_that_of_a_success(ledger: Ledger) -> None:
    (found,) = ledger.of("escalation_failed")
    assert found.measured.value == pytest.approx(0.1)
    assert found.verdict is Verdict.SHOWS
    assert found.figure() == "10.0 % (10.0 % to 10.0 %)"


def test_asking_both_costs_eleven_tenths(ledger: Ledger) -> None:
    (found,) = ledger.of("ensemble_cost")
    assert found.measured.value == pytest.approx(1.1)
    assert found.note == "There are 2 models to vote."


def test_what_has_no_data_says_why(ledger: Ledger) -> None:
    (workflows,), (fallback,) = ledger.of("workflow_quality"), ledger.of("fallback_errors")
    assert workflows.verdict is fallback.verdict is Verdict.UNMEASURABLE
    assert "no implementation of workflows" in workflows.remark()
    assert "no policy was given" in fallback.remark()
    assert (workflows.n, workflows.figure()) == (0, "–")


def test_a_claim_that_does_not_hold_is_said_not_to() -> None:
    same = {(task, model): 0.8 for task in ("sum", "poem") for model in PRICE}
    found = Ledger.measure({"equal": _outcomes(same, queries=40)}, progress=False)
    (quality,) = found.of("routing_quality")
    assert quality.measured.value == pytest.approx(0)
    assert quality.verdict is Verdict.NONE
    assert "for every query" in quality.note


def test_without_costs_quality_alone_is_measured() -> None:
    right = {("sum", "cheap"): 1.0, ("sum", "dear"): 0.2,
             ("poem", "cheap"): 0.2, ("poem", "dear"): 1.0}  # fmt: skip
    unpriced = _outcomes(right, 40, cost_usd=float("nan"), cost_source=None)
    found = Ledger.measure({"unpriced": unpriced}, progress=False)
    for name in ("routing_cost", "framework_cost", "prediction_expensive", "escalation_cost"):
        (entry,) = found.of(name)
        assert entry.verdict is Verdict.UNMEASURABLE
        assert "Costs are unknown" in entry.remark()
    assert found.of("routing_quality")[0].measured.value is not None


def test_a_small_table_is_said_to_be_small_and_its_costs_where_they_come_from() -> None:
    right = {("sum", "cheap"): 0.5, ("sum", "dear"): 1.0}
    found = Ledger.measure({"tiny": _outcomes(right, queries=24)}, progress=False)
    assert "tiny has 12 test queries: too few" in found.finding()
    assert {e.verdict for e in found.entries} == {Verdict.TOO_LITTLE, Verdict.UNMEASURABLE}
    (row,) = found.data().rows
    assert row[1:] == (
        "recorded", "learnt on 12, judged on 12 queries by the table's own split", "list price"
    )  # fmt: skip


def test_a_prompt_on_both_sides_is_refused() -> None:
    outcomes = _outcomes({("sum", "cheap"): 0.5, ("sum", "dear"): 1.0})
    frame = outcomes.frame.assign(prompt="the same")
    with pytest.raises(TableError, match="1 prompts are on both sides"):
        Ledger.measure({"leaky": replace(outcomes, _frame=frame)}, progress=False)


def test_nothing_to_measure_on_is_refused() -> None:
    with pytest.raises(TableError, match="nothing to measure"):
        Ledger.measure({})


def test_the_ledger_is_json_text_and_html(ledger: Ledger) -> None:
    told = json.loads(json.dumps(ledger.to_dict(), allow_nan=False))
    assert told["finding"] == ledger.finding()
    row = told["entries"][0]
    assert row["verdict"] == "suggests"
    assert {"value", "low", "high"} <= set(row["measured"])
    bundle = ledger._repr_mimebundle_()
    assert bundle["text/plain"].count("Task-aware routing: quality") == 1
    assert "<caption>" in bundle["text/html"]
    assert len(ledger.definitions().rows) == len(CLAIMS)
