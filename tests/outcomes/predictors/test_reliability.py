"""Calibration makes chances honest, and says how honest they are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.outcomes.predictors.reliability import (
    Reliability,
    abstention,
    calibrated,
    cross_calibrated,
    difficulty,
)


def _drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    chance = random.uniform(0.05, 0.95, n)
    return chance, (random.random(n) < chance).astype(np.float64)


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_a_boastful_forecast_becomes_honest(method: str) -> None:
    chance, scores = _drawn(4_000)
    boastful = np.clip(0.5 + 2.5 * (chance - 0.5), 0.0, 1.0)
    folds = np.arange(4_000) % 5
    honest = cross_calibrated(boastful[:, None], scores[:, None], folds, method)[:, 0]
    before, after = Reliability.of(boastful, scores), Reliability.of(honest, scores)
    assert before.error.value > 0.1
    assert after.error.value < 0.035
    assert after.brier.value < before.brier.value


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-0.2, 1.2), st.floats(0, 1)), min_size=1, max_size=60),
    st.sampled_from(["isotonic", "platt", None]),
)
def test_a_curve_rises_and_stays_between_0_and_1(
    points: list[tuple[float, float]], method: str | None
) -> None:
    raw, scores = (np.array(side) for side in zip(*points, strict=True))
    curve = calibrated(raw, scores, method)
    at = curve.apply(np.linspace(-1, 2, 50))
    assert (np.diff(at) >= -1e-9).all()
    assert ((at >= -1e-9) & (at <= 1 + 1e-9)).all()
    assert (np.diff(curve.raw) > 0).all()


def test_an_honest_forecast_is_found_honest_and_its_bins_hold_the_truth() -> None:
    chance, scores = _drawn(5_000, seed=3)
    found = Reliability.of(chance, scores)
    assert found.error.value < 0.03
    assert found.error.low == pytest.approx(0.0, abs=0.01)
    inside = found.bins["foretold"].between(found.bins["low"], found.bins["high"])
    assert inside.sum() >= 8
    assert found.bins["n"].sum() == 5_000
    assert found.brier.value < found.of_mean.value
    assert "Calibration error" in found.table().title


def test_one_query_has_no_interval() -> None:
    found = Reliability.of(np.array([0.5]), np.array([1.0]))
    assert found.error.interval is None
    assert found.brier.value == 0.25


def test_difficulty_is_what_the_likeliest_model_lacks() -> None:
    chances = np.array([[0.0, 0.0], [0.25, 0.75], [1.0, 0.1]])
    assert difficulty(chances).tolist() == [100.0, 25.0, 0.0]


def test_abstention_answers_as_much_as_is_shown_to_be_good_enough() -> None:
    chance, scores = _drawn(3_000, seed=1)
    found = abstention(chance, scores, 0.7)
    assert found.quality is not None
    assert found.quality.low is not None
    assert found.quality.low >= 0.7 - 1e-9
    assert (chance >= found.threshold).mean() == pytest.approx(found.answered)
    stricter = abstention(chance, scores, 0.85)
    assert stricter.threshold > found.threshold
    assert stricter.answered < found.answered
    assert abstention(chance, scores * 0, 0.1).threshold == math.inf
