"""What a model is said to be for, and what its data do not let anybody say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orchestra_kit.outcomes.matrix import Matrix
from orchestra_kit.outcomes.table import Outcomes
from tests.outcomes.synthetic import TASKS, outcomes, write
from tests.outcomes.test_matrix import _table


def _matrix(
    folder: Path, chances: dict[str, float], costs: dict[str, float], n: int = 80
) -> Matrix:
    random = np.random.default_rng(3)
    scores = {m: list((random.random(n) < p).astype(float)) for m, p in chances.items()}
    return Outcomes.read(write(folder, _table(scores, costs))).matrix()


def test_the_best_is_called_so_and_the_cheap_and_poor_is_called_both(tmp_path: Path) -> None:
    matrix = _matrix(tmp_path, {"good": 0.95, "poor": 0.3}, {"good": 0.1, "poor": 0.01})
    good, poor = matrix.profile("good"), matrix.profile("poor")
    assert good.optimal_use == ("t",)
    assert good.strengths == ("shown best at t",)
    assert good.weaknesses == ()
    assert good.sentence() == "good is a first choice at t"
    assert poor.optimal_use == ()
    assert poor.strengths == ("shown cheaper than all others at t",)
    assert poor.weaknesses == ("good is shown better at t", "quality is shown below 0.5 at t")
    assert poor.sentence() == "poor is no first choice at any task by these data"


def test_of_models_that_cannot_be_parted_the_cheaper_is_the_optimal_one(tmp_path: Path) -> None:
    matrix = _matrix(tmp_path, {"a": 0.8, "b": 0.8}, {"a": 0.1, "b": 0.01})
    assert matrix.leaders("t") == ("a", "b")
    assert matrix.profile("a").optimal_use == ()
    assert matrix.profile("b").optimal_use == ("t",)
    assert "none is shown better at t" in matrix.profile("a").strengths


def test_nothing_is_said_where_there_are_too_few_data(tmp_path: Path) -> None:
    matrix = _matrix(tmp_path, {"a": 1.0, "b": 0.0}, {}, n=4)
    assert matrix.profile("a").strengths == ()
    assert matrix.profile("a").weaknesses == ("too few data to tell at t",)


def test_every_strength_and_weakness_of_order_is_one_that_the_ranks_show(tmp_path: Path) -> None:
    matrix = outcomes(tmp_path, queries=40).matrix()
    for model in matrix.models:
        profile = matrix.profile(model)
        best = [s for s in profile.strengths if s.startswith("shown best")]
        alone = [t for t in TASKS if matrix.cell(model, t).rank.last == 1]
        assert bool(best) == bool(alone)
        assert set(profile.optimal_use) <= set(matrix.best_uses()[model])
        beaten = [t for t in TASKS if matrix.cell(model, t).rank.first > 1]
        assert any("shown better" in w for w in profile.weaknesses) == bool(beaten)


def test_the_summary_has_a_row_a_model(tmp_path: Path) -> None:
    matrix = outcomes(tmp_path).matrix()
    assert matrix.summary().columns == ("model", "optimal use", "strengths", "weaknesses")
    assert [row[0] for row in matrix.summary().rows] == list(matrix.models)
    assert [p["model"] for p in matrix.to_dict()["profiles"]] == list(matrix.models)


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no model “other”"):
        outcomes(tmp_path).matrix().profile("other")
