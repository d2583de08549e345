"""The capability matrix: what it claims, and what it leaves open."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestra_kit.outcomes.matrix import Matrix
from orchestra_kit.outcomes.statistics import Evidence, proportion, quantile
from orchestra_kit.outcomes.table import Outcomes
from tests.outcomes.synthetic import TASKS, frame, outcomes, write


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    return outcomes(tmp_path_factory.mktemp("matrix"), queries=60).matrix()


def _table(scores: dict[str, list[float]], costs: dict[str, float] | None = None) -> pd.DataFrame:
    rows = [
        {"dataset": "d", "query_id": str(i), "task": "t", "prompt": f"p{i}", "model": model,
         "score": score, "input_tokens": 1, "output_tokens": 1, "tokens_source": "recorded",
         "cost_usd": (costs or {}).get(model, math.nan) * (1 + i % 3 / 10),
         "cost_source": "list_price", "latency_s": math.nan}
        for model, values in scores.items() for i, score in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _matrix(folder: Path, *args: dict, **how: float) -> Matrix:
    return Outcomes.read(write(folder, _table(*args))).matrix(**how)


def test_every_cell_has_its_figures_with_intervals(measured: Matrix) -> None:
    part = frame(queries=60).query("model == 'large' and task == 'code'")
    cell = measured.cell("large", "code")
    assert cell.n == 60
    assert cell.quality == proportion(part["score"].sum(), 60)
    assert cell.latency_p50 == quantile(part["latency_s"], 0.5)
    assert cell.latency_p95.value == pytest.approx(np.quantile(part["latency_s"], 0.95))
    assert cell.cost.value == pytest.approx(part["cost_usd"].mean())
    assert cell.cost.low < cell.cost.value < cell.cost.high


def test_a_model_that_is_shown_worse_is_no_best_use(measured: Matrix) -> None:
    for task in TASKS:
        assert measured.cell("small", task).against_best is Evidence.SHOWS
        assert "small" not in measured.leaders(task)
        assert "large" in measured.leaders(task)
    assert measured.best_uses()["large"] == TASKS
    alone = sum(measured.leaders(task) == ("large",) for task in TASKS)
    assert 0 < alone < 6
    assert measured.finding() == f"large is among the best at all 6 tasks, alone at {alone}"


def test_models_that_the_data_cannot_part_share_the_lead(tmp_path: Path) -> None:
    matrix = _matrix(tmp_path, {"a": [1.0] * 18 + [0.0] * 2, "b": [1.0] * 17 + [0.0] * 3})
    assert matrix.leaders("t") == ("a", "b")
    assert (
        matrix.finding() == "Two models are among the best at this task: the data cannot part them"
    )


def test_a_suggestion_is_no_proof_and_says_so(tmp_path: Path) -> None:
    # 7 wins against 0 losses: McNemar p = 0.016, corrected for three pairs 0.047;
    # 6 against 0: 0.031 and 0.094.
    best, close = [1.0] * 20, [1.0] * 14 + [0.0] * 6
    matrix = _matrix(tmp_path, {"a": best, "b": close, "c": [1.0] * 13 + [0.0] * 7})
    assert matrix.cell("b", "t").against_best is Evidence.SUGGESTS
    assert matrix.cell("b", "t").words == "among the best, but the data suggest that a is better"
    assert matrix.cell("c", "t").against_best is Evidence.SHOWS
    assert matrix.leaders("t") == ("a", "b")


def test_alike_models_are_rarely_parted(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    parted = 0
    for run in range(60):
        folder = tmp_path / str(run)
        folder.mkdir()
        names = [f"m{i}" for i in range(6)]
        matrix = _matrix(folder, {n: list((random.random(40) < 0.7).astype(float)) for n in names})
        parted += len(matrix.leaders("t")) < 6
    assert parted <= 6, "at most one run in twenty may part models that are alike"


def test_too_few_queries_prove_nothing(tmp_path: Path) -> None:
    matrix = _matrix(tmp_path, {"a": [1.0] * 5, "b": [0.0] * 5})
    assert {c.against_best for c in matrix.cells} == {Evidence.TOO_LITTLE}
    assert {c.words for c in matrix.cells if not c.disqualifiers} == {"not enough data"}
    assert matrix.leaders("t") == ()


def test_a_few_lucky_answers_make_no_leader(tmp_path: Path) -> None:
    matrix = _matrix(tmp_path, {"much": [1.0] * 30 + [0.0] * 10, "lucky": [1.0] * 3})
    assert matrix.cell("lucky", "t").leader == "much"
    assert matrix.cell("lucky", "t").against_best is Evidence.TOO_LITTLE


def test_quality_shown_below_the_floor_disqualifies(tmp_path: Path) -> None:
    scores = {"a": [1.0] * 12 + [0.0] * 8}
    assert _matrix(tmp_path, scores, floor=0.5).leaders("t") == ("a",)
    cell = _matrix(tmp_path, scores, floor=0.9).cell("a", "t")
    assert cell.disqualifiers == ("quality is shown below 0.9",)
    assert not cell.best_use


def test_many_unscored_answers_disqualify_and_are_no_zeros(tmp_path: Path) -> None:
    matrix = _matrix(tmp_path, {"a": [1.0] * 20 + [math.nan] * 20, "b": [1.0] * 40})
    cell = matrix.cell("a", "t")
    assert (cell.n, cell.unscored, cell.quality.value) == (40, 20, 1.0)
    assert cell.disqualifiers == ("50% of the answers could not be scored",)


def test_a_dominated_model_is_told_by_whom(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    scores = {
        "good": list((random.random(200) < 0.95).astype(float)),
        "poor": list((random.random(200) < 0.6).astype(float)),
    }
    matrix = _matrix(tmp_path, scores, {"good": 0.001, "poor": 0.01})
    assert matrix.cell("poor", "t").disqualifiers == ("good is shown at least as good and cheaper",)
    dear = _matrix(tmp_path, scores, {"good": 0.01, "poor": 0.001})
    assert dear.cell("poor", "t").disqualifiers == ()


def test_equal_scores_in_few_queries_do_not_show_as_good(tmp_path: Path) -> None:
    matrix = _matrix(tmp_path, {"a": [1.0] * 20, "b": [1.0] * 20}, {"a": 0.001, "b": 0.01})
    assert matrix.cell("b", "t").disqualifiers == ()


def test_an_unknown_cost_or_latency_is_unknown_and_not_nothing(tmp_path: Path) -> None:
    table = _table({"a": [1.0] * 10}, {"a": 0.01})
    table.loc[0, "cost_usd"] = math.nan
    matrix = Outcomes.read(write(tmp_path, table)).matrix()
    cell = matrix.cell("a", "t")
    assert cell.cost is None
    assert cell.latency_p50 is None
    assert matrix.to_text().count("unknown") == 3
    assert matrix.to_dict()["cells"][0]["cost"] is None


def test_tasks_of_one_name_in_two_datasets_stay_apart(tmp_path: Path) -> None:
    one = _table({"a": [1.0] * 10})
    two = _table({"a": [0.0] * 10}).assign(dataset="e")
    matrix = Outcomes.read(write(tmp_path, pd.concat([one, two]))).matrix()
    assert matrix.tasks == ("d/t", "e/t")
    assert matrix.cell("a", "d/t").quality.value == 1


def test_models_stand_in_the_order_of_the_table(measured: Matrix) -> None:
    assert measured.models == ("small", "middle", "large")
    assert [c.model for c in measured.cells[:3]] == ["small", "middle", "large"]


def test_the_matrix_is_json_without_holes(measured: Matrix) -> None:
    told = json.loads(json.dumps(measured.to_dict(), allow_nan=False))
    assert told["source"] == "recorded"
    assert told["finding"] == measured.finding()
    assert len(told["cells"]) == 18
    assert {"value", "low", "high", "n"} == told["cells"][0]["quality"].keys()
    assert told["best_uses"]["large"] == list(TASKS)


def test_the_frame_has_a_row_a_cell_with_the_ends_of_intervals(measured: Matrix) -> None:
    table = measured.frame()
    assert len(table) == 18
    assert (table["quality_low"] <= table["quality"]).all()
    assert (table["quality"] <= table["quality_high"]).all()


def test_the_text_names_the_evidence_and_every_task(measured: Matrix) -> None:
    text = measured.to_text()
    assert "1,080 recorded outcomes; costs: fictitious list price" in text
    for task in TASKS:
        assert f"\n{task}\n" in text
    assert "optimal use" in text


def test_floor_and_margin_lie_between_0_and_1(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        _matrix(tmp_path, {"a": [1.0]}, floor=2)


def test_repeated_prompts_are_no_new_evidence(tmp_path: Path) -> None:
    table = _table({"a": [1.0] * 8 + [0.0] * 4, "b": [0.0] * 8 + [1.0] * 4})
    again = [table.assign(query_id=table["query_id"] + f" #{n}", prompt=table["prompt"].str.upper())
             for n in range(2, 6)]  # fmt: skip
    once = Outcomes.read(write(tmp_path, table, "once.parquet")).matrix()
    often = Outcomes.read(write(tmp_path, pd.concat([table, *again]), "often.parquet")).matrix()
    one, many = once.cell("a", "t"), often.cell("a", "t")
    assert (many.n, many.clusters, one.clusters) == (60, 12, 12)
    assert many.quality.interval == pytest.approx(one.quality.interval, abs=0.02)
    assert often.leaders("t") == ("a", "b")
    assert " 60 in 12 " in often.to_text()


def test_turns_of_a_conversation_are_one_piece_of_evidence(tmp_path: Path) -> None:
    table = _table({"a": [1.0] * 20})
    number = table["query_id"].astype(int)
    table["query_id"] = (number // 2).astype(str) + "/turn" + (number % 2 + 1).astype(str)
    assert Outcomes.read(write(tmp_path, table)).matrix().cell("a", "t").clusters == 10


def test_ranks_are_sets_that_the_tests_allow(measured: Matrix) -> None:
    for task in TASKS:
        small, large = measured.cell("small", task).rank, measured.cell("large", task).rank
        assert large.first == 1
        assert small.last == 3
        assert measured.leaders(task) == ("large",) or large.last > 1
    assert "rank" in measured.to_text()
    assert (measured.frame()["rank_first"] <= measured.frame()["rank_last"]).all()
    assert measured.to_dict()["cells"][0]["rank"].keys() == {"first", "last", "of"}


def test_what_is_shown_cheaper_and_faster_is_named(measured: Matrix) -> None:
    assert measured.cell("small", "code").cheaper == ("middle", "large")
    assert measured.cell("large", "code").faster == ()


def test_a_single_model_at_a_single_task_is_no_comparison(tmp_path: Path) -> None:
    matrix = _matrix(tmp_path, {"a": [1.0] * 10})
    assert matrix.leaders("t") == ("a",)
    assert matrix.to_dict()
