"""Routers measured as they would be used, and the contract of what is printed."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.evaluation import evaluate
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.measurement import TestQueries
from orchestra_kit.outcomes.operating_points import POINTS
from orchestra_kit.outcomes.routers import ROUTERS
from tests.outcomes.routers.worlds import MODELS, world

FIGURES = ("APGR", "CPT50", "CPT80", "AIQ")


@cache
def _evaluated(names=None, models=None, pair=None, with_tasks=False, **what):
    outcomes = world(n=450, **what)
    train, test = (outcomes.filter(split=side) for side in ("train", "test"))
    return evaluate(
        train, test, routers=names, models=models, pair=pair, with_tasks=with_tasks, seed=1
    )


def test_every_router_is_measured_in_the_promised_form():
    found = json.loads(json.dumps(_evaluated().to_dict()))
    assert found["n_train"] == 300
    assert found["n_test"] == 150
    assert found["models"] == list(MODELS)
    assert found["best_single"]["model"] == "large"
    assert found["best_single"]["cost"] == pytest.approx(0.02)
    assert set(found["routers"]) == {router.name for router in ROUTERS}
    for router in found["routers"].values():
        assert set(FIGURES) <= set(router)
        assert set(POINTS) == set(router["operating_points"])
        for value in (
            *(router[name] for name in FIGURES),
            *(
                point[name]
                for point in router["operating_points"].values()
                for name in ("quality", "cost", "relative_quality", "relative_cost")
            ),
        ):
            assert {"value", "low", "high"} <= set(value)
            if value["value"] is None:
                assert value["reason"]
            else:
                assert value["low"] <= value["value"] + 1e-9
                assert value["value"] <= value["high"] + 1e-9


def test_the_best_single_model_is_exactly_as_good_and_dear_as_itself():
    point = _evaluated().routers["best_single"].operating_points["full_quality"]
    for figure in (point.relative_quality, point.relative_cost):
        assert (figure.value, figure.low, figure.high) == pytest.approx((1, 1, 1))
    assert point.shares == {"large": 1.0}


def test_what_is_chosen_was_best_in_training_and_can_be_put_to_use():
    found = _evaluated()
    merits = {name: r.training_merit for name, r in found.routers.items()}
    assert merits["oracle"] is None
    assert found.chosen == max(
        (name for name, merit in merits.items() if merit is not None), key=merits.__getitem__
    )
    assert found.chosen in {"cascade", "argmax"}


def test_a_pair_has_its_gap_figures_and_two_models_are_a_pair_of_themselves():
    named = _evaluated(("threshold",), None, ("small", "large"))
    alone = _evaluated(("threshold",), ("large", "small"))
    for found in (named, alone):
        figures = found.routers["threshold"].figures
        assert figures["APGR"].value > 0.6
        assert 0 < figures["CPT50"].value < figures["CPT80"].value < 1
    assert _evaluated(("argmax",)).routers["argmax"].figures["APGR"].value is None


def test_without_costs_quality_alone_is_measured():
    found = _evaluated(("argmax", "cascade", "cheapest"), priced=False)
    assert found.best_cost.value is None
    for name in ("argmax", "cascade"):
        points = found.routers[name].operating_points
        assert points["full_quality"].quality.value is None
        assert points["best_quality"].quality.value > 0.85
        assert points["best_quality"].cost.reason == "Costs are unknown."
    assert "Costs are unknown" in found.routers["cheapest"].reason


def test_a_test_prompt_is_never_learnt_from():
    outcomes = world(n=60)
    with pytest.raises(TableError, match="Every training prompt is tested on"):
        evaluate(outcomes, outcomes)
    found = evaluate(outcomes, outcomes.filter(split="test"), routers=["best_single"])
    assert found.n_train == 40
    assert "left out" in found.notes[0]


def test_models_and_tasks_that_only_one_side_has_are_told():
    outcomes = world(n=90)
    train = outcomes.filter(split="train", models=["small", "large"], tasks=["sum"])
    test = outcomes.filter(split="test")
    found = evaluate(train, test, routers=["best_single", "task_lookup"])
    told = " ".join(found.notes)
    assert "Only the test outcomes have other" in told
    assert "1 tasks of the test were never trained on: riddle." in told


def test_the_same_seed_gives_the_same_figures():
    outcomes = world(n=120)
    sides = outcomes.filter(split="train"), outcomes.filter(split="test")
    first, second = (evaluate(*sides, routers=["argmax", "cascade"], seed=3) for _ in range(2))
    assert first.to_dict() == second.to_dict()


def test_unknown_names_are_refused():
    outcomes = world(n=30)
    sides = outcomes.filter(split="train"), outcomes.filter(split="test")
    with pytest.raises(TableError, match="no router “clever”"):
        evaluate(*sides, routers=["clever"])
    with pytest.raises(TableError, match="no model “huge”"):
        evaluate(*sides, models=["huge"])


def test_intervals_of_a_ratio_cover_the_truth_as_often_as_they_say():
    """95 % of 400 samples of 120 queries: between 92.5 and 97.5 % is within chance (p > 0.01)."""
    random = np.random.default_rng(11)
    grid = Grid.of(world(n=120))
    queries = TestQueries.of(grid, grid, None, seed=2)
    covered = 0
    for _ in range(400):
        hard = random.random(grid.n) < 0.5
        single = (random.random(grid.n) < np.where(hard, 0.6, 0.95)).astype(float)
        routed = (random.random(grid.n) < np.where(hard, 0.55, 0.97)).astype(float)
        found = queries.ratio(routed, single)
        covered += found.low <= 0.76 / 0.775 <= found.high
    assert 0.925 <= covered / 400 <= 0.975
