"""The success model: learnt with numbers, evaluated without, bound to what it was learnt from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.predictors.success_training import TrainedSuccess, train_success
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.success import SuccessModel
from tests.outcomes.predictors.made_up import grid
from tests.routing.small import write_policy

NAMES = {"reader": "strong-1", "reckoner": "light", "middling": "elsewhere"}


def outcomes(n: int = 450) -> Outcomes:
    """Made-up outcomes of two of the policy's models, one by its deployment's name."""
    made = grid(n)
    tasks = {"algebra": "letter", "history": "memo", "biology": "memo"}
    rows = [
        {
            "dataset": "made_up", "query_id": str(q), "task": tasks[made.tasks[q]],
            "prompt": made.prompts[q], "model": NAMES[model], "score": made.scores[q, k],
            "input_tokens": 5.0, "output_tokens": 5.0, "tokens_source": "recorded",
            "cost_usd": 0.01, "cost_source": "recorded", "latency_s": 1.0,
        }
        for q in range(made.n)
        for k, model in enumerate(made.models)
    ]  # fmt: skip
    return Outcomes(pd.DataFrame(rows), ("memory",), Source.RECORDED)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return write_policy(tmp_path_factory.mktemp("policy"))


@pytest.fixture(scope="module")
def trained(policy: Policy) -> TrainedSuccess:
    return train_success(outcomes(), policy)


def test_only_models_that_the_policy_can_call_are_learnt(trained: TrainedSuccess) -> None:
    assert trained.model.models == ("strong-1", "light")
    assert set(trained.document["tasks"]) == {"letter"}


def test_what_is_saved_foretells_what_was_learnt(trained: TrainedSuccess, tmp_path: Path) -> None:
    trained.save(tmp_path / "success.json")
    loaded = SuccessModel.load(tmp_path / "success.json")
    assert loaded.digest == trained.document["outcomes"]
    picked = []
    for k in range(0, 150, 7):
        found = loaded.expect(trained.grid.prompts[k], {trained.grid.tasks[k]: 1.0})
        assert set(found.chances) == {"strong-1", "light"}
        assert all(0 <= chance <= 1 for chance in found.chances.values())
        assert found.difficulty == pytest.approx(100 * (1 - max(found.chances.values())), abs=0.051)
        picked.append(max(found.chances, key=found.chances.__getitem__))
    algebra = [p for k, p in zip(range(0, 150, 7), picked, strict=True) if k % 3 == 0]
    assert algebra.count("light") >= len(algebra) - 1


def test_pure_python_and_numpy_agree(trained: TrainedSuccess) -> None:
    from orchestra_kit.outcomes.predictors import Words

    made = trained.grid
    words = Words(pieces=False, penalty=12.0).fit(made.prompts, made.tasks, made.scores, seed=0)
    tasks = np.array(["letter"] * 40, dtype=object)
    raw = words.predict(made.prompts[:40], tasks)
    for k in range(40):
        found = trained.model.expect(made.prompts[k], {"letter": 1.0})
        for j, name in enumerate(made.models):
            knots = trained.document["calibration"][j]
            assert found.chances[name] == pytest.approx(
                float(np.interp(raw[k, j], knots["raw"], knots["score"])), abs=2e-3
            )


def test_the_same_outcomes_give_the_same_bytes(
    trained: TrainedSuccess, policy: Policy, tmp_path: Path
) -> None:
    trained.save(tmp_path / "one.json")
    train_success(outcomes(), policy).save(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_the_report_has_intervals_and_n(trained: TrainedSuccess) -> None:
    report = json.loads(json.dumps(trained.report()))
    assert report["n"] == 450
    for name in ("calibration_error", "brier", "gain_over_best_single"):
        assert report[name]["low"] <= report[name]["value"] <= report[name]["high"]
    assert report["gain_over_best_single"]["low"] > 0
    assert "n=450" in trained.table().title


def test_too_little_and_other_models_are_refused_in_one_sentence(policy: Policy) -> None:
    with pytest.raises(TableError, match="at least 100"):
        train_success(outcomes(60), policy)
    others = outcomes().filter(models=["elsewhere"])
    with pytest.raises(TableError, match="none of the models of policy “small”"):
        train_success(others, policy)
