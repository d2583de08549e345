"""The frontier: points and curves with their bands, on cases small enough to check by hand."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes import Frontier, Outcomes
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.outcomes.statistics import Evidence
from orchestra_kit.outcomes.steps import Steps, cheaper_as_prices_rise
from orchestra_kit.policy.policy import Policy
from tests.outcomes.synthetic import frame, outcomes, write

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TODAY = date(2026, 11, 26)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    return outcomes(tmp_path_factory.mktemp("frontier"))


@pytest.fixture(scope="module")
def frontier(made_up: Outcomes) -> Frontier:
    return made_up.frontier()


@pytest.fixture(scope="module")
def recorded() -> Outcomes:
    return Outcomes.read(EXAMPLES / "recorded" / "outcomes.parquet")


def grid(scores: list[list[float]], costs: list[list[float]] | None = None, **more) -> Grid:
    table = np.array(scores, dtype=float)
    n, m = table.shape
    unknown = np.full((n, m), np.nan)
    names = np.array([f"q{k}" for k in range(n)], dtype=object)
    values = {
        "models": tuple("abcdefgh"[:m]), "queries": names, "prompts": names,
        "tasks": np.array(["t"] * n, dtype=object), "scores": table,
        "costs": unknown if costs is None else np.array(costs, dtype=float),
        "latencies": unknown, "answers": np.full((n, m), -1), "lengths": unknown,
        "responses": None, "source": Source.RECORDED,
    }  # fmt: skip
    return Grid(**{**values, **more})


def test_each_model_is_a_point_with_the_means_of_its_answers(made_up, frontier) -> None:
    means = made_up.frame.groupby("model")[["score", "cost_usd", "latency_s"]].mean()
    for name in made_up.models:
        point = frontier.point(name)
        assert point.single
        assert point.always == name
        found = (point.quality.value, point.cost.value, point.latency.value)
        assert found == pytest.approx(tuple(means.loc[name]))
        for estimate in (point.quality, point.cost, point.latency):
            assert estimate.low < estimate.value < estimate.high
            assert estimate.n == 120


def test_the_mixture_is_the_straight_line_between_the_corners_of_the_hull() -> None:
    # b is under the line from a to c: asking a and c in turn brings 0.5 for 2 dollars.
    models = grid([[0, 0, 1], [0, 0.5, 1]] * 10, [[1, 2, 3]] * 20)
    curve = Frontier.of(models, resamples=50).curve("random mixture")
    middle = curve.frame.set_index("at").loc[0.5]
    assert (middle["quality"], middle["cost"]) == pytest.approx((0.5, 2.0))
    assert curve.frame["at"].max() == 1.0
    assert curve.aiq.value == pytest.approx(0.5)


def test_the_models_that_no_other_beats_are_marked() -> None:
    models = grid([[0, 0, 1, 1]] * 4 + [[1, 0, 1, 0]] * 4, [[1, 2, 3, 2]] * 8)
    found = Frontier.of(models, resamples=50)
    assert [p.name for p in found.unbeaten] == ["a", "c"]
    assert "2 of 4 models are beaten by none" in found.finding()
    kept = found.non_dominated()
    assert kept["cost"].is_monotonic_increasing
    assert kept["quality"].is_monotonic_increasing
    assert {"a", "c"} == set(kept.loc[kept["at"].isna(), "name"])


def test_a_swept_router_keeps_every_threshold_with_its_band() -> None:
    random = np.random.default_rng(1)
    scores, costs = random.random((200, 3)), random.random((200, 3)) * (1, 2, 4)
    steps = Steps.of(*cheaper_as_prices_rise(scores, costs), scores, costs)
    waits = Steps.of(*cheaper_as_prices_rise(scores, costs), scores, 10 * costs)
    found = Frontier.of(
        grid(scores.tolist(), costs.tolist()), curves={"oracle": steps}, waits={"oracle": waits}
    )
    curve = found.curve("oracle").frame
    assert curve["at"].tolist() == steps.thresholds.tolist()
    assert curve["quality"].tolist() == steps.quality.tolist()
    assert curve["latency"].to_numpy() == pytest.approx(10 * curve["cost"].to_numpy())
    for name in ("quality", "cost", "latency"):
        assert (curve[f"{name}_low"] < curve[name]).all()
        assert (curve[name] < curve[f"{name}_high"]).all()
    assert found.curve("oracle").aiq.low > found.point("a").quality.high


def test_steps_over_other_queries_are_refused() -> None:
    scores = np.ones((3, 1))
    steps = Steps.of([0, 1, 2], [0, 0, 0], [0, 0, 0], scores, scores)
    with pytest.raises(ValueError, match="oracle was swept over other queries"):
        Frontier.of(grid([[1], [0]]), curves={"oracle": steps})
    with pytest.raises(ValueError, match="x needs one pick for each query"):
        Frontier.of(grid([[1], [0]]), picks={"x": np.array([0])})


def test_a_router_that_is_always_right_is_shown_better_than_the_best_model() -> None:
    scores = [[1, 0], [0, 1]] * 20 + [[1, 1]] * 5 + [[1, 0]] * 3
    oracle = np.argmax(scores, axis=1)
    found = Frontier.of(grid(scores, [[1, 4]] * len(scores)), picks={"oracle": oracle})
    point = found.point("oracle")
    assert point.evidence is Evidence.SHOWS
    assert point.against_best.value == pytest.approx(20 / 48)
    assert point.relative_cost == pytest.approx((28 + 20 * 4) / 48)
    assert found.finding().startswith("Oracle is shown better than always asking a: +0.417 quality")


def test_a_way_that_leaves_queries_unanswered_stands_beside_the_best_on_the_others() -> None:
    scores = [[1, 0]] * 6 + [[0, 1]] * 6 + [[1, 0]]
    picked = np.array([-1] * 6 + [1] * 6 + [-1])
    found = Frontier.of(grid(scores, [[1, 1]] * 13), picks={"some": picked})
    point = found.point("some")
    assert not point.whole
    assert not point.unbeaten
    assert (point.quality.value, point.quality.n) == (1.0, 6)
    assert point.against_best.value == 1.0
    assert "on the 6 of 13 queries that are known" in found.finding()
    assert "some, 6 queries" in found.to_text()


def test_a_way_that_answers_nothing_has_no_point() -> None:
    found = Frontier.of(grid([[1, 0], [0, 1]]), picks={"none": np.array([-1, -1])})
    assert found.point("none") is None


def test_one_query_has_no_interval_and_nothing_is_shown() -> None:
    found = Frontier.of(grid([[1, 0]], [[2, 1]]))
    point = found.point("b")
    assert point.quality.interval is None
    assert point.evidence is Evidence.TOO_LITTLE
    assert found.curve("random mixture").frame["quality_low"].isna().all()
    json.dumps(found.to_dict(), allow_nan=False)
    assert "not enough data" in found.to_text()


def test_without_costs_there_is_quality_and_nothing_is_made_up(tmp_path) -> None:
    free = Outcomes.read(write(tmp_path, frame().assign(cost_usd=math.nan))).frontier()
    assert all(point.cost is None for point in free.points)
    assert free.curve("random mixture") is None
    assert free.non_dominated().empty
    assert "unknown" in free.to_text()
    assert "at " not in free.finding()


def test_a_latency_that_is_missing_is_unknown_not_nothing(tmp_path) -> None:
    table = frame()
    table.loc[(table["model"] == "small") & (table["query_id"] == "code-03"), "latency_s"] = None
    found = Outcomes.read(write(tmp_path, table)).frontier()
    assert found.point("small").latency is None
    assert found.point("large").latency is not None
    assert found.curve("task lookup").frame["latency"].isna().all()


def test_the_lookup_asks_for_each_task_what_did_best_at_it_elsewhere(tmp_path) -> None:
    table = frame(queries=30)
    good = (table["model"] == "large") ^ (table["task"].isin(["code", "summary"]))
    best = (table["model"] == "small") & table["task"].isin(["code", "summary"])
    sure = table.assign(score=(good & (table["model"] != "middle") | best).astype(float))
    found = Outcomes.read(write(tmp_path, sure)).frontier()
    lookup = found.point("task lookup")
    assert lookup.quality.value == 1.0
    assert lookup.evidence is Evidence.SHOWS
    assert lookup.relative_cost < 1
    assert found.finding().startswith("Task lookup is shown better than always asking large")
    curve = found.curve("task lookup").frame
    assert curve["quality"].iloc[0] == 1.0
    assert curve["cost"].iloc[-1] <= curve["cost"].iloc[0]


def test_the_lookup_on_noise_is_no_better_than_the_best_model() -> None:
    random = np.random.default_rng(8)
    gaps = []
    for _ in range(20):
        tasks = np.array([f"t{k % 25}" for k in range(200)], dtype=object)
        scores = (random.random((200, 4)) < 0.5).astype(float)
        made = grid(scores.tolist(), [[1, 1, 1, 1]] * 200, tasks=tasks)
        from orchestra_kit.outcomes.task_lookup import TaskLookup

        picks = TaskLookup.of(made).picks
        gaps.append(scores[np.arange(200), picks].mean() - 0.5)
    assert abs(np.mean(gaps)) < 0.03


def test_todays_routing_is_the_policys_own_first_choice(recorded: Outcomes) -> None:
    policy = Policy.load(EXAMPLES / "local")
    found = Frontier.measure(recorded, policy, today=TODAY)
    point = found.point("today's routing")
    assert point.whole
    firsts = {policy.deployments[policy.resolve(t.chain[0].use)].model
              for t in policy.tasks.values()}  # fmt: skip
    if point.always:
        assert firsts == {point.always}
        assert found.finding() == f"Today's routing asks {point.always} for every query"
    assert len(found.notes) == 1


def test_models_of_the_policy_that_the_table_lacks_are_named(recorded: Outcomes) -> None:
    found = Frontier.measure(recorded, Policy.load(EXAMPLES / "contentforge"), today=TODAY)
    assert found.point("today's routing") is None
    notes = " ".join(found.notes)
    assert "claude-sonnet-5-5" in notes
    assert "not among those compared" in notes
    assert "asks nobody for" in notes
    assert "has therefore no point here" in notes
    assert notes in found._repr_mimebundle_()["text/plain"].replace("\n", " ")


def test_the_same_table_gives_the_same_frontier_as_text_html_and_json(made_up, frontier) -> None:
    again = made_up.frontier()
    assert again.to_dict() == frontier.to_dict()
    said = json.loads(json.dumps(frontier.to_dict(), allow_nan=False))
    assert said["finding"] == frontier.finding()
    assert said["source"] == "recorded"
    assert said["n"] == 120
    assert said["curves"][1]["points"][0]["at"] is None
    shown = frontier._repr_mimebundle_()
    assert frontier.finding() in shown["text/plain"]
    assert "120 recorded queries; costs: fictitious list price" in shown["text/plain"]
    assert "<table>" in shown["text/html"]


def test_only_the_models_that_are_named_are_compared(made_up: Outcomes) -> None:
    found = made_up.frontier(models=["small", "large"])
    assert [p.name for p in found.points if p.single] == ["small", "large"]
    with pytest.raises(TableError, match="no model “huge”"):
        made_up.frontier(models=["huge"])


def test_bands_hold_the_truth_about_as_often_as_they_say() -> None:
    random, held = np.random.default_rng(4), 0
    for seed in range(120):
        scores = (random.random((60, 2)) < (0.7, 0.4)).astype(float)
        point = Frontier.of(grid(scores.tolist()), resamples=300, seed=seed).point("a")
        held += point.quality.low <= 0.7 <= point.quality.high
    assert held >= 105


def test_frames_of_curves_are_not_what_makes_two_of_them_equal(frontier: Frontier) -> None:
    assert frontier.curves[0] == frontier.curves[0]
    assert isinstance(frontier.curves[0].told(), pd.DataFrame)
