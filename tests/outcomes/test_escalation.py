"""The threshold sweep: exact against brute force, honest at its ends, paired in its bands."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.escalation import Escalation
from orchestra_kit.outcomes.statistics import Evidence
from orchestra_kit.outcomes.success_signal import success_signal
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.outcomes.threshold_sweep import FIGURES, lift_over_chance, sweep
from tests.outcomes.synthetic import frame, outcomes, write

unit = st.floats(0, 1).map(lambda x: round(x, 3))
query = st.tuples(unit, unit, st.sampled_from([0.1, 0.2, 0.5, 0.55, 0.9]), unit, unit)
queries = st.lists(query, min_size=1, max_size=30).map(lambda rows: np.array(rows).T)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Escalation:
    return Escalation.of(outcomes(tmp_path_factory.mktemp("tuned"), queries=150), "small", "large")


@given(queries)
def test_every_threshold_agrees_with_brute_force(columns: np.ndarray) -> None:
    cheap, strong, signal, cheap_cost, strong_cost = columns
    table = sweep(*columns, resamples=20)
    for threshold in (0.0, 0.1, 0.15, 0.2, 0.5, 0.52, 0.6, 0.95, 1.0):
        row = table[table["threshold"] <= threshold].iloc[-1]
        above = signal < threshold
        assert row["escalated"] == above.sum()
        assert row["share_escalated"] == pytest.approx(above.mean())
        assert row["quality"] == pytest.approx(np.where(above, strong, cheap).mean())
        assert row["cost"] == pytest.approx((cheap_cost + above * strong_cost).mean())
        assert row["against_strong"] == pytest.approx(row["quality"] - strong.mean(), abs=1e-9)
        assert row["against_cheap"] == pytest.approx(row["quality"] - cheap.mean(), abs=1e-9)


@given(queries)
def test_the_ends_are_all_cheap_and_all_strong_with_the_cheap_attempt(columns: np.ndarray) -> None:
    cheap, strong, _, cheap_cost, strong_cost = columns
    first, last = (sweep(*columns, resamples=20).iloc[i] for i in (0, -1))
    assert first["share_escalated"] == 0
    assert first["quality"] == pytest.approx(cheap.mean())
    assert first["cost"] == pytest.approx(cheap_cost.mean())
    assert last["share_escalated"] == 1
    assert last["quality"] == pytest.approx(strong.mean())
    assert last["cost"] == pytest.approx(cheap_cost.mean() + strong_cost.mean())


@given(queries)
def test_a_higher_threshold_escalates_and_costs_no_less(columns: np.ndarray) -> None:
    table = sweep(*columns, resamples=20)
    for name in ("threshold", "share_escalated", "escalated"):
        assert (np.diff(table[name]) > 0).all()
    assert (np.diff(table["cost"]) >= -1e-12).all()
    assert len(table) == len(set(columns[2])) + 1


@given(queries, st.integers(0, 3))
def test_bands_hold_their_figures_order_and_seed(columns: np.ndarray, seed: int) -> None:
    table = sweep(*columns, resamples=50, seed=seed)
    assert table.equals(sweep(*columns, resamples=50, seed=seed))
    for name in FIGURES:
        known = table[f"{name}_low"].notna()
        assert known.all() == (columns.shape[1] > 1)
        assert (table.loc[known, f"{name}_low"] <= table.loc[known, f"{name}_high"] + 1e-12).all()


def test_differences_are_paired() -> None:
    random = np.random.default_rng(1)
    hard = random.random(300)
    signal = random.random(300)
    table = sweep(hard, np.minimum(1, hard + 0.1), signal, hard, hard)
    half = table.iloc[150]
    paired = half["against_strong_high"] - half["against_strong_low"]
    assert paired < (half["quality_high"] - half["quality_low"]) / 3


def test_bands_cover_the_truth_as_often_as_promised() -> None:
    random = np.random.default_rng(2)
    hits = 0
    for _ in range(300):
        signal = random.random(40)
        cheap = (random.random(40) < signal).astype(float)
        strong = (random.random(40) < 0.9).astype(float)
        zero = np.zeros(40)
        table = sweep(cheap, strong, signal, zero, zero, resamples=300)
        row = table[table["threshold"] <= 0.5].iloc[-1]
        # Half are answered by the strong model (0.9), the others by the cheap one (0.75 there).
        hits += row["quality_low"] <= 0.825 <= row["quality_high"]
    assert hits / 300 > 0.92


def test_an_unknown_cost_makes_the_costs_that_it_enters_unknown() -> None:
    nothing = np.full(30, math.nan)
    scores = np.linspace(0, 1, 30)
    table = sweep(scores, scores, scores, nothing, nothing)
    assert table["cost"].isna().all()
    assert table["quality"].notna().all()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_missing_score_or_signal_is_refused(bad: float) -> None:
    good = [0.1, 0.2]
    with pytest.raises(ValueError, match="missing score or signal"):
        sweep([bad, 0.1], good, good, good, good)
    with pytest.raises(ValueError, match="every query"):
        sweep(good, good, good, good, [0.1])
    with pytest.raises(ValueError, match="every query"):
        sweep([], [], [], [], [])


def test_a_signal_that_knows_nothing_lifts_nothing() -> None:
    random = np.random.default_rng(3)
    cheap, strong = random.integers(0, 2, (2, 500)).astype(float)
    lift = lift_over_chance(cheap, strong, random.random(500))
    assert lift.low < 0 < lift.high
    assert lift_over_chance(cheap, strong, np.ones(500)).value == pytest.approx(0)


def test_a_signal_that_knows_all_lifts_by_what_can_be_computed() -> None:
    # Half are right already: escalating the others first gains all there is at a share of 1/2.
    cheap, strong = np.repeat([0.0, 1.0], 200), np.ones(400)
    lift = lift_over_chance(cheap, strong, cheap)
    assert lift.value == pytest.approx(0.125)
    assert lift.low > 0.1


def test_a_signal_that_only_finds_the_dear_queries_lifts_nothing_at_equal_cost() -> None:
    # What is dear gains twice as much and costs twice as much: at equal cost nothing is won.
    dear = np.repeat([1.0, 0.0], 200)
    cheap, strong, cost = np.zeros(400), 0.3 + 0.3 * dear, 1 + dear
    assert lift_over_chance(cheap, strong, -dear).value > 0.03
    assert lift_over_chance(cheap, strong, -dear, cost).value == pytest.approx(0)
    with pytest.raises(ValueError, match="unknown cost cannot be weighed"):
        lift_over_chance(cheap, strong, -dear, np.full(400, math.nan))


def test_the_signal_learns_what_the_prompts_tell(tmp_path: Path) -> None:
    part = frame(queries=60).query("model == 'small'")
    signal = success_signal(part)
    good = signal[part["score"].to_numpy() == 1].mean()
    assert good > signal[part["score"].to_numpy() == 0].mean() + 0.1
    assert ((signal > 0) & (signal < 1)).all()
    assert (signal == success_signal(part)).all()
    assert (signal != success_signal(part, seed=1)).any()


def test_no_query_helps_to_judge_itself() -> None:
    part = frame(queries=30, seed=5).query("model == 'small'").reset_index(drop=True)
    part["score"] = np.random.default_rng(6).integers(0, 2, len(part)).astype(float)
    signal = success_signal(part)
    # The scores are noise: a signal that had seen them would tell good from bad.
    right = np.corrcoef(signal, part["score"])[0, 1]
    assert right < 0.2


def test_equal_prompts_share_a_fold() -> None:
    part = frame(queries=10).query("model == 'small'").reset_index(drop=True)
    twin = part.assign(prompt=part["prompt"].str.upper(), query_id=part["query_id"] + "b")
    signal = success_signal(pd.concat([part, twin], ignore_index=True))
    assert signal[: len(part)] == pytest.approx(signal[len(part) :])


def test_scores_that_are_all_alike_give_a_flat_signal() -> None:
    part = frame(queries=10).query("model == 'small'").assign(score=1.0)
    assert (success_signal(part) == 1).all()


def test_too_few_or_missing_scores_are_not_learnt_from() -> None:
    part = frame(queries=10).query("model == 'small'")
    with pytest.raises(ValueError, match="at least 20"):
        success_signal(part.head(19))
    with pytest.raises(ValueError, match="missing score"):
        success_signal(part.assign(score=math.nan))


def test_points_are_looked_up_by_threshold_and_by_share(tuned: Escalation) -> None:
    half = tuned.at_share(0.5)
    assert half.share_escalated >= 0.5
    assert tuned.at(half.threshold) == half
    assert tuned.at(-1).escalated == tuned.never.escalated == 0
    assert tuned.at(2).escalated == tuned.always.escalated == tuned.n == 900
    low, high = tuned.span
    assert tuned.at(low).escalated == 0
    assert tuned.at(high).escalated == tuned.n
    assert half.cost.value < tuned.always.cost.value


def test_the_words_follow_the_interval(tuned: Escalation) -> None:
    assert tuned.never.loss is Evidence.SHOWS
    assert "shows a loss of 0." in tuned.sentence(tuned.never)
    assert tuned.always.loss is Evidence.NONE
    assert "no evidence of a loss (0.000, 0.000 to 0.000)" in tuned.sentence(tuned.always)
    assert tuned.lift.low > 0
    assert tuned.finding().startswith("The signal is shown to escalate better than chance: +0.0")


def test_the_table_sets_a_threshold_beside_both_models(tuned: Escalation) -> None:
    text = tuned.table(tuned.at_share(0.5)).to_text()
    assert "at this threshold" in text
    assert "always small" in text
    assert "always large" in text


def test_the_models_are_chosen_by_score_and_cost(tmp_path: Path) -> None:
    chosen = Escalation.of(outcomes(tmp_path))
    assert (chosen.cheap, chosen.strong) == ("small", "large")
    assert chosen.cheap_cost < chosen.strong_cost


def test_what_cannot_be_chosen_or_compared_is_refused(tmp_path: Path) -> None:
    table = outcomes(tmp_path)
    with pytest.raises(TableError, match="no model “tiny”; they have large, middle, small"):
        Escalation.of(table, "tiny", "large")
    with pytest.raises(TableError, match="cannot be escalated to itself"):
        Escalation.of(table, "large", "large")
    free = frame().assign(cost_usd=math.nan)
    with pytest.raises(TableError, match=r"No cost is known .* Name the cheap model"):
        Escalation.of(Outcomes.read(write(tmp_path, free)))
    apart = frame()
    apart = apart[(apart["model"] == "large") == (apart["task"] == "code")]
    with pytest.raises(TableError, match="Only 0 queries have a score of both"):
        Escalation.of(Outcomes.read(write(tmp_path, apart)), "small", "large")


def test_queries_without_both_scores_are_left_out_and_counted(tmp_path: Path) -> None:
    table = frame()
    table.loc[table["query_id"].isin(["code-00", "code-01"]), "score"] = math.nan
    part = Escalation.of(Outcomes.read(write(tmp_path, table)), "small", "large")
    assert (part.n, part.left_out) == (118, 2)


def test_unknown_costs_leave_quality_to_be_tuned(tmp_path: Path) -> None:
    free = Outcomes.read(write(tmp_path, frame().assign(cost_usd=math.nan)))
    part = Escalation.of(free, "small", "large")
    assert part.strong_cost is None
    assert part.at(0.5).cost is None
    assert "its cost unknown" in part.sentence(part.at(0.5))


def test_a_frozen_threshold_is_judged_by_a_signal_that_never_saw_the_prompts(
    tmp_path: Path,
) -> None:
    table = frame(queries=40)
    table["split"] = np.where(table["query_id"].str[-1].isin(list("024")), "test", "train")
    whole = Outcomes.read(write(tmp_path, table))
    known, new = whole.filter(split="train"), whole.filter(split="test")
    judged = Escalation.of(new, "small", "large", learn_from=known)
    turned = frame(queries=40).assign(split=table["split"])
    chosen = (turned["split"] == "test") & (turned["model"] == "small")
    turned.loc[chosen, "score"] = 1 - turned.loc[chosen, "score"]
    other = Outcomes.read(write(tmp_path, turned)).filter(split="test")
    again = Escalation.of(other, "small", "large", learn_from=known)
    assert (judged.frame["threshold"] == again.frame["threshold"]).all()
    with pytest.raises(TableError, match="may not hold a prompt that is then judged"):
        Escalation.of(whole, "small", "large", learn_from=known)
    few = Outcomes.read(write(tmp_path, table.head(30)))
    with pytest.raises(TableError, match="at least 20 queries"):
        Escalation.of(new, "small", "large", learn_from=few)
