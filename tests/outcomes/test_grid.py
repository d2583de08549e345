"""The grid of query x model that everything is replayed on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.table import Outcomes


def _outcomes(**changes) -> Outcomes:
    rows = [
        {
            "dataset": "d", "query_id": f"q{q:02d}", "task": "sum", "prompt": f"add {q}",
            "model": model, "score": float((q + k) % 2), "input_tokens": 5.0,
            "output_tokens": 3.0 + k, "tokens_source": "recorded", "cost_usd": 0.01 * (k + 1),
            "cost_source": "recorded", "latency_s": 1.0, "answer": str(q),
        }
        for q in range(40)
        for k, model in enumerate(("small", "large", "free"))
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    frame.loc[frame["model"] == "free", "cost_usd"] = np.nan
    for (query, model, column), value in changes.get("cells", {}).items():
        at = (frame["query_id"] == query) & (frame["model"] == model)
        frame.loc[at, column] = value
    return Outcomes(frame, ("memory",), Source.RECORDED)


def test_models_without_a_price_are_left_out_and_said_so():
    grid = Grid.of(_outcomes())
    assert grid.models == ("small", "large")
    assert grid.priced
    assert "free is left out because the cost" in grid.notes[0]


def test_models_that_are_named_are_kept_without_a_price():
    grid = Grid.of(_outcomes(), ["free", "small"])
    assert grid.models == ("free", "small")
    assert not grid.priced


def test_a_query_that_a_model_was_not_scored_on_is_left_out_and_said_so():
    grid = Grid.of(_outcomes(cells={("q03", "large", "score"): np.nan}))
    assert grid.n == 39
    assert "d/q03" not in grid.queries
    assert grid.notes[-1].startswith("1 of 40 queries lack a score")


def test_answers_are_the_same_to_the_letter_and_none_is_none():
    grid = Grid.of(_outcomes(cells={("q01", "large", "answer"): None}))
    assert (np.diff(grid.answers[:, :2])[[0, 2, 3]] == 0).all()
    assert grid.answers[1].tolist()[1] == -1
    assert len(np.unique(grid.answers[:, 0])) == 40


def test_rows_and_models_are_picked_from_every_array_alike():
    grid = Grid.of(_outcomes()).only(["large"]).rows(np.arange(5))
    assert grid.scores.shape == grid.costs.shape == grid.answers.shape == (5, 1)
    assert len(grid.prompts) == len(grid.tasks) == grid.n == 5
    assert grid.costs[0, 0] == pytest.approx(0.02)


def test_of_equal_models_the_cheaper_is_best():
    assert Grid.of(_outcomes()).best_single == 0


def test_an_unknown_model_is_refused_by_name():
    with pytest.raises(TableError, match="no model “huge”"):
        Grid.of(_outcomes(), ["huge"])
