"""Estimates: known values, invariants, and coverage by simulation."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.outcomes.statistics import (
    Estimate,
    Evidence,
    clustered_mean,
    difference,
    holm,
    judge,
    mean_estimate,
    mean_score,
    proportion,
    quantile,
)

scores = st.lists(st.floats(0, 1), min_size=2, max_size=60)
binary = st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=60)


def _covered(estimates: list[Estimate], truth: float) -> float:
    return float(np.mean([e.low <= truth <= e.high for e in estimates if e.interval]))


def test_a_share_has_wilsons_interval() -> None:
    # Newcombe 1998, Statistics in Medicine 17: 81 of 263 gives 0.2553 to 0.3662.
    found = proportion(81, 263)
    assert found.low == pytest.approx(0.2553, abs=5e-5)
    assert found.high == pytest.approx(0.3662, abs=5e-5)


def test_no_hits_and_all_hits_reach_the_end_but_not_both() -> None:
    none, every = proportion(0, 20), proportion(20, 20)
    assert (none.low, every.high) == (0.0, 1.0)
    assert none.high == pytest.approx(0.1611, abs=1e-4)
    assert every.low == pytest.approx(1 - none.high)


def test_a_mean_has_students_interval() -> None:
    found = mean_estimate([1.0, 2.0, 3.0])
    assert found.value == 2
    assert found.interval == pytest.approx(
        (2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3))
    )


@pytest.mark.parametrize("make", [mean_estimate, mean_score])
def test_one_observation_has_no_interval(make) -> None:
    found = make([0.7])
    assert found == Estimate(0.7, None, None, 1)
    assert found.interval is None
    assert all(map(math.isnan, found.bounds))
    assert "no interval" in str(found)


def test_one_query_asked_many_times_has_no_interval() -> None:
    assert mean_score([0.0, 1.0, 1.0], ["a", "a", "a"]).interval is None
    assert clustered_mean([3.0, 4.0], ["a", "a"]).interval is None
    assert difference([1.0, 1.0], [0.0, 0.0], ["a", "a"]).interval is None


@pytest.mark.parametrize("make", [mean_estimate, mean_score, lambda v: quantile(v, 0.5)])
@pytest.mark.parametrize("bad", [[], [0.5, math.nan], [math.inf]])
def test_nothing_missing_or_infinite_is_averaged(make, bad) -> None:
    with pytest.raises(ValueError, match=r"nothing to estimate|cannot be averaged"):
        make(bad)


def test_a_score_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        mean_score([0.5, 1.2])


@given(binary)
def test_a_mean_of_right_and_wrong_is_a_share(values: list[float]) -> None:
    assert mean_score(values).interval == pytest.approx(
        proportion(sum(values), len(values)).interval
    )


@given(scores)
def test_an_interval_holds_its_value_and_stays_in_range(values: list[float]) -> None:
    found = mean_score(values)
    assert found.low is not None
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


@given(scores)
def test_scores_that_vary_less_have_the_narrower_interval(values: list[float]) -> None:
    graded, low = mean_score(values), proportion(sum(values), len(values))
    # The factor is Student's t against the normal quantile, and the lost degree of freedom.
    n = len(values)
    slack = 1.0 if np.ptp(values) == 0 else _t_over_z(n) * math.sqrt(n / (n - 1))
    assert graded.high - graded.low <= (low.high - low.low) * slack * 1.05 + 1e-9


def _t_over_z(n: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, n - 1)) / NormalDist().inv_cdf(0.975)


@given(scores, st.integers(0, 5))
def test_doubling_every_answer_of_a_query_proves_nothing_more(
    values: list[float], seed: int
) -> None:
    once = clustered_mean(values, range(len(values)))
    twice = clustered_mean(values * 2, list(range(len(values))) * 2)
    assert twice.interval == pytest.approx(once.interval)
    assert twice.n == 2 * once.n


@pytest.mark.parametrize(("n", "p"), [(20, 0.5), (20, 0.85), (20, 0.95), (200, 0.3)])
def test_shares_are_covered_as_often_as_promised(n: int, p: float) -> None:
    hits = np.random.default_rng(5).binomial(n, p, size=4000)
    # Wilson's own coverage at n = 20 and p = 0.95 is 0.925, computed exactly.
    assert _covered([proportion(h, n) for h in hits], p) > 0.92


@pytest.mark.parametrize("ends", [(0.5, 0.5), (4.0, 1.0), (6.0, 0.8)])
def test_graded_scores_are_covered_as_often_as_promised(ends: tuple[float, float]) -> None:
    random = np.random.default_rng(6)
    drawn = random.beta(*ends, size=(1500, 20))
    truth = ends[0] / sum(ends)
    assert _covered([mean_score(row) for row in drawn], truth) > 0.93


def test_clustered_scores_are_covered_where_a_plain_interval_is_not() -> None:
    random = np.random.default_rng(7)
    chances = random.choice([0.2, 0.9], size=(800, 30))
    answers = (random.random((800, 30, 5)) < chances[:, :, None]).astype(float)
    clusters = np.repeat(np.arange(30), 5)
    honest = [mean_score(run.ravel(), clusters) for run in answers]
    naive = [mean_score(run.ravel()) for run in answers]
    assert _covered(honest, 0.55) > 0.93
    assert _covered(naive, 0.55) < 0.85


@pytest.mark.parametrize(("q", "n"), [(0.5, 20), (0.95, 120)])
def test_quantiles_are_covered_as_often_as_promised(q: float, n: int) -> None:
    drawn = np.random.default_rng(8).lognormal(size=(1500, n))
    truth = math.exp(NormalDist().inv_cdf(q))
    assert _covered([quantile(row, q) for row in drawn], truth) > 0.94


@pytest.mark.parametrize(("q", "least"), [(0.5, 6), (0.95, 72)])
def test_a_quantile_has_no_interval_before_there_are_enough_values(q: float, least: int) -> None:
    assert quantile(np.arange(least - 1.0), q).interval is None
    assert quantile(np.arange(float(least)), q).interval is not None


def test_paired_differences_are_covered_as_often_as_promised() -> None:
    random = np.random.default_rng(9)
    hard = random.random((400, 25, 1))
    drawn = (random.random((400, 25, 2)) < np.minimum(hard + np.array([0.2, 0.0]), 1)).astype(float)
    truth = 0.18  # mean of min(1, u + 0.2) - u
    found = [difference(run[:, 0], run[:, 1], resamples=800, seed=1) for run in drawn]
    assert _covered(found, truth) > 0.92


def test_a_difference_is_the_same_for_the_same_seed_and_turns_with_its_sides() -> None:
    random = np.random.default_rng(10)
    first, second = random.random(30), random.random(30)
    found = difference(first, second, seed=4)
    assert found == difference(first, second, seed=4)
    turned = difference(second, first, seed=4)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-9)


def test_pairs_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="as many"):
        difference([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="cluster"):
        clustered_mean([1.0, 2.0], ["a"])


def test_a_difference_over_many_queries_is_resampled_in_blocks() -> None:
    random = np.random.default_rng(11)
    first = random.random(30_000)
    found = difference(first, first - 0.1, resamples=200)
    assert found.value == pytest.approx(0.1)


def test_holm_corrects_step_by_step_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert len(holm([])) == 0


@given(st.lists(st.floats(0, 1), max_size=20))
def test_a_correction_never_lowers_a_p_value(p: list[float]) -> None:
    corrected = holm(p)
    assert all(c >= q for c, q in zip(corrected, p, strict=True))
    if p:
        assert corrected.min() <= min(1.0, min(p) * len(p)) + 1e-12


@pytest.mark.parametrize(
    ("p", "corrected", "word"),
    [
        (0.01, 0.03, "shows"),
        (0.03, 0.09, "suggests"),
        (0.30, 0.90, "no evidence"),
        (None, None, "not enough data"),
        (0.01, None, "shows"),
    ],
)
def test_a_comparison_ends_in_one_of_four_words(p, corrected, word) -> None:
    assert judge(p, corrected) == word
    assert word in set(Evidence)


def test_an_estimate_shows_itself_with_interval_and_n() -> None:
    assert str(proportion(17, 20)) == "0.850 (0.640 to 0.948), n=20"
    assert proportion(17, 20).format() == "0.85 (0.64 to 0.95)"
    assert proportion(17, 20).to_dict().keys() == {"value", "low", "high", "n"}


def _drawn(kind: str, n: int, random: np.random.Generator) -> tuple[float, list]:
    """A true mean and what is observed of it: scores, and clusters where answers repeat."""
    mean = float(random.uniform(0.1, 0.9))
    if kind == "right or wrong":
        return mean, [random.random(n) < mean]
    if kind == "graded":
        size = random.uniform(0.5, 6)
        return mean, [random.beta(mean * size, (1 - mean) * size, n)]
    if kind == "pairs":
        clusters = np.repeat(np.arange(n), 2)
    else:
        clusters = np.repeat(np.arange(n), random.integers(1, 5, n))
    chance = random.beta(mean, 1 - mean, n)[clusters]
    return mean, [random.random(len(clusters)) < chance, clusters]


@pytest.mark.parametrize("kind", ["right or wrong", "graded", "pairs", "uneven clusters"])
@pytest.mark.parametrize("n", [8, 12, 20, 30])
def test_small_samples_are_covered_between_93_and_98_of_100_times(kind: str, n: int) -> None:
    random = np.random.default_rng(n)
    draws = [_drawn(kind, n, random) for _ in range(1500)]
    held = [_covered([mean_score(*seen)], truth) for truth, seen in draws]
    assert 0.93 <= np.mean(held) <= (0.98 if n < 12 else 0.972), np.mean(held)


def test_a_quantile_of_repeated_answers_is_that_of_fewer() -> None:
    values = np.random.default_rng(12).random(80)
    twice = quantile(np.repeat(values, 2), 0.5, np.repeat(np.arange(80), 2))
    once = quantile(values, 0.5)
    assert twice.interval == pytest.approx(once.interval, abs=0.03)
    assert quantile(np.repeat(values, 2), 0.5).high < twice.high


def test_a_quantile_keeps_the_end_that_is_known_where_asked() -> None:
    values = np.arange(20.0)
    assert quantile(values, 0.9).interval is None
    half = quantile(values, 0.9, one_sided=True)
    assert half.low is not None
    assert half.high is None
