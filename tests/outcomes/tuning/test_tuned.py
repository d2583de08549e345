"""Tuning from end to end: what is found, what is said of it, and what is saved."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from orchestra_kit.core.errors import PolicyError, StoreError, TableError
from orchestra_kit.outcomes.statistics import Evidence
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.outcomes.tuning import Assumptions, Goal, PolicyReplay, Tuned, tune
from orchestra_kit.outcomes.tuning import search as searching
from orchestra_kit.outcomes.tuning.search import searched, tunable
from orchestra_kit.outcomes.tuning.traffic import traffic_change
from orchestra_kit.policy.policy import Policy
from tests.outcomes.tuning.small import made_up, policy_in

CHEAPER = Goal(aim="cost", keep_quality=0.98)
KEYS = ("rules.0.when.0",)
"""The cut of “long or hard”, which is `complexity >= 5` here; what is below goes to the cheap."""


def two_ways(folder: Path) -> Policy:
    """The small policy with the hard premium requests at the strong model and the rest at the
    cheap one."""
    return policy_in(
        folder,
        **{
            "(tokens > 40 || complexity >= 22)": "complexity >= 5",
            'task == "code" && complexity < 12 && 30 >= tokens': 'tier == "premium"',
        },
    )


def divided(folder: Path, *, queries: int = 60, at: float = 60.0) -> Outcomes:
    """Outcomes of which the large model wins only where the prompt is more complex than `at`; else
    all three do as well as each other."""
    table = made_up(folder, queries=queries).frame
    policy = policy_in(folder / "measuring")
    replay = PolicyReplay.of(Outcomes(table, ("x",), made_up(folder).source), policy,
                             progress=False)  # fmt: skip
    hard = replay.rules.values("rules.0.when.1")[replay.case[: replay.n]] > at
    of_query = dict(zip(replay.grid.queries, hard, strict=True))
    names = table["dataset"] + "/" + table["query_id"]
    is_hard = np.array([bool(of_query[name]) for name in names])
    random = np.random.default_rng(1)
    noise = random.normal(0, 0.05, len(table))
    good = np.where(table["model"] == "large", 0.9, np.where(is_hard, 0.3, 0.9))
    table["score"] = np.clip(good + noise, 0, 1)
    table["response"] = "an answer"
    return Outcomes(table, ("divided",), made_up(folder).source)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    folder = tmp_path_factory.mktemp("tuned")
    policy = two_ways(folder / "policy")
    told = Assumptions(judge="none", tiers={"premium": 1})
    return tune(divided(folder), policy, CHEAPER, told, keys=KEYS, progress=False)


def test_where_there_is_something_to_gain_it_is_found_and_shown(found: Tuned) -> None:
    assert found.verdict.word is Evidence.SHOWS
    assert found.improved
    assert found.report.cost_change.high < 0
    assert all(kept.surely for kept in found.verdict.kept)
    assert "The report part shows that the goal is reached" in found.sentence()
    cut = found.settings["rules.0.when.0"]
    assert 15 < cut < 65, "where the models really part: nothing lies between 20 and 60"
    assert any(words.startswith("the complexity cut of rule “long or hard” from 5 to")
               for words in found.words)  # fmt: skip


def test_what_is_reported_comes_from_prompts_that_had_no_part_in_the_search(found: Tuned) -> None:
    assert len(found.report_hash) == 12
    assert found.report.n + found.report.left_out < found.tuning.n + found.tuning.left_out
    text = found.to_text()
    assert "change on the tuning part" in text
    assert "Report part:" in text


def test_the_change_in_traffic_says_who_answers_instead(found: Tuned) -> None:
    flips = {(flip.before, flip.after): flip.share for flip in found.report.flips}
    assert all(before == "strong" for before, _ in flips)
    assert found.report.moved == pytest.approx(sum(flips.values()))
    weekly = found.report.weekly
    assert weekly.low < weekly.value < weekly.high < 0
    assert "requests a week" in found.report.flip_table().to_text()


def test_a_version_is_saved_beside_the_old_one_and_never_over_it(found: Tuned) -> None:
    old = found.policy.path.read_bytes()
    new = found.save(found.policy.folder / "tuned.yaml")
    assert new.hash == found.version != found.policy.hash
    assert found.policy.path.read_bytes() == old
    record = json.loads((found.policy.folder / "tuned.tuning.json").read_text("utf-8"))
    assert record["report_hash"] == found.report_hash
    assert record["after"] == new.hash
    assert record["verdict"]["word"] == "shows"
    with pytest.raises(StoreError, match="there is a file"):
        found.save(found.policy.folder / "tuned.yaml")
    found.save(found.policy.folder / "tuned.yaml", overwrite=True)
    with pytest.raises(PolicyError, match="is the policy that is being tuned"):
        found.save(found.policy.path, overwrite=True)
    with pytest.raises(PolicyError, match="would stand apart from the policy's prices"):
        found.save(found.policy.folder.parent / "tuned.yaml")
    assert "# " in (found.policy.folder / "tuned.yaml").read_text("utf-8"), "comments stay"


def test_where_nothing_is_to_be_gained_it_says_so(tmp_path: Path) -> None:
    table = made_up(tmp_path, queries=30).frame
    table["score"], table["cost_usd"], table["response"] = 0.5, 1e-5, "an answer"
    outcomes = Outcomes(table, ("same",), made_up(tmp_path).source)
    policy = policy_in(tmp_path / "policy")
    found = tune(outcomes, policy, CHEAPER, Assumptions(judge="none"), progress=False)
    assert found.settings == {}
    assert found.verdict.word is Evidence.NONE
    assert found.sentence().startswith("No evidence that other thresholds are better")
    with pytest.raises(PolicyError, match="nothing to save"):
        found.save(policy.folder / "new.yaml")


def test_few_prompts_are_not_enough_data(tmp_path: Path) -> None:
    outcomes = divided(tmp_path, queries=5)
    policy = two_ways(tmp_path / "policy")
    told = Assumptions(judge="none", tiers={"premium": 1})
    found = tune(outcomes, policy, CHEAPER, told, keys=KEYS, progress=False)
    assert found.settings
    assert found.verdict.word is Evidence.TOO_LITTLE
    assert "Not enough data" in found.sentence()


def test_a_search_that_is_interrupted_gives_the_best_until_then(
    found: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Assumptions(judge="none", tiers={"premium": 1})
    replay = PolicyReplay.of(divided(tmp_path), two_ways(tmp_path / "policy"), told, progress=False)
    descend, calls = searching._Search._descend, []

    def tired(self, at, *, price):
        calls.append(price)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return descend(self, at, price=price)

    monkeypatch.setattr(searching._Search, "_descend", tired)
    stopped = searched(replay, CHEAPER, keys=KEYS, progress=False)
    assert not stopped.finished
    assert stopped.settings


def test_the_same_seed_finds_the_same(found: Tuned, tmp_path: Path) -> None:
    told = Assumptions(judge="none", tiers={"premium": 1})
    again = tune(
        divided(tmp_path), two_ways(tmp_path / "policy"), CHEAPER, told, keys=KEYS, progress=False
    )
    assert again.settings == found.settings
    assert again.report_hash == found.report_hash


def test_what_a_search_may_move_depends_on_what_is_known(tmp_path: Path) -> None:
    outcomes, policy = made_up(tmp_path), policy_in(tmp_path / "policy")

    def kinds(told: Assumptions) -> set[str]:
        replay = PolicyReplay.of(outcomes, policy, told, progress=False)
        return {replay.threshold(key).kind for key in tunable(replay)}

    assert kinds(Assumptions()) == {"cut", "weight"}
    assert kinds(Assumptions(judge="signal")) == {"cut", "weight", "quality"}
    told = Assumptions(review_quality=0.9, review_cost=0.5)
    assert kinds(told) == {"cut", "weight", "confidence"}


def test_unknown_costs_and_empty_goals_are_refused(tmp_path: Path) -> None:
    table = made_up(tmp_path).frame.assign(cost_usd=np.nan)
    outcomes = Outcomes(table, ("free",), made_up(tmp_path).source)
    policy = policy_in(tmp_path / "policy")
    with pytest.raises(TableError, match="cost of some recorded answers is not known"):
        tune(outcomes, policy, CHEAPER, progress=False)
    with pytest.raises(TableError, match="Nothing is said to be kept while cost"):
        Goal(aim="cost", most_cost=1.0)
    with pytest.raises(TableError, match="is no factor"):
        Goal(aim="cost", keep_quality=-1.0)


def test_where_everything_goes_to_a_person_nothing_is_estimable(tmp_path: Path) -> None:
    outcomes = made_up(tmp_path)
    policy = policy_in(tmp_path / "policy", **{"confidence_floor: 0.55": "confidence_floor: 1.0"})
    with pytest.raises(TableError, match="not estimable for any recorded query"):
        tune(outcomes, policy, CHEAPER, progress=False)


def test_differences_are_over_the_same_queries(tmp_path: Path) -> None:
    replay = PolicyReplay.of(made_up(tmp_path), policy_in(tmp_path / "policy"), progress=False)
    after = replay.at({"rules.0.when.1": 80.0, "rules.0.when.0": 90.0})
    change = traffic_change(replay, replay.today, after)
    one, other = (replay.per_query(r.score) for r in (replay.today, after))
    known = ~np.isnan(one) & ~np.isnan(other)
    assert change.n == known.sum() == replay.n - change.left_out
    assert change.quality_change.value == pytest.approx((other - one)[known].mean())
    shares = sum(flip.share for flip in change.flips)
    differs = (replay.today.node != after.node) * replay.weight
    assert shares == pytest.approx(differs.sum() / replay.n)
