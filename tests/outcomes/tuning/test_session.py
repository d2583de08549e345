"""A session: dials that matter, moves that agree with the replay, one look at the report part."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.outcomes.tuning import Assumptions, Goal
from orchestra_kit.outcomes.tuning.session import Session
from orchestra_kit.outcomes.tuning.tuned import split_parts
from tests.outcomes.tuning.small import made_up, policy_in


@pytest.fixture
def session(tmp_path: Path) -> Session:
    parts = split_parts(made_up(tmp_path), policy_in(tmp_path / "policy"), progress=False)
    return Session(parts)


def test_only_thresholds_that_make_a_difference_have_a_dial(session: Session) -> None:
    keys = {dial.threshold.key for dial in session.dials}
    assert {"rules.4.when.0", "tiers.standard.cost"} <= keys
    assert "budgets.0.limit" not in keys
    assert all(dial.low <= dial.threshold.value <= dial.high for dial in session.dials)


def test_a_move_is_seen_in_point_table_and_curve(session: Session) -> None:
    session.move("rules.0.when.1", 80.0)
    session.move("rules.0.when.0", 90.0)
    view = session.view()
    replay = session.parts.tuning
    after = replay.at({"rules.0.when.1": 80.0, "rules.0.when.0": 90.0})
    known = ~np.isnan(replay.per_query(replay.today.score))
    cost = replay.per_query(after.cost)[known & ~np.isnan(replay.per_query(after.cost))]
    assert view.place.across.value == pytest.approx(1000 * cost.mean())
    assert view.change.moved > 0
    assert view.moving == "the tokens cut of rule “long or hard”"
    assert len(view.words) == 2
    gap = np.abs(view.curve - [view.place.across.value, view.place.quality.value]).max(axis=1)
    assert gap.min() < 1e-9, "the point lies on the curve of the threshold in hand"


def test_the_frontier_rises_and_never_falls_back(session: Session) -> None:
    before = session.view().frontier
    assert (np.diff(before, axis=0) > 0).all()
    session.move("tiers.standard.cost", 2.0)
    after = session.view().frontier
    for x, y in before:
        reached = after[after[:, 0] <= x + 1e-12]
        assert reached[:, 1].max() >= y - 1e-12


def test_going_back_to_today_undoes_everything(session: Session) -> None:
    session.move("rules.0.when.1", 80.0)
    session.set({})
    assert session.settings == {}
    view = session.view()
    assert view.change.moved == 0
    assert "policy's own thresholds" in view.sentence()


def test_saving_looks_at_the_report_part_and_writes_a_version(session: Session) -> None:
    session.move("rules.0.when.1", 80.0)
    found, new = session.save("mine.yaml", Goal(aim="cost", keep_quality=0.98))
    assert new.path == session.policy.folder / "mine.yaml"
    assert found.settings == {"rules.0.when.1": 80.0}
    assert found.report.n + found.report.left_out == session.parts.report.n


def test_a_move_costs_a_small_part_of_a_full_replay(tmp_path: Path) -> None:
    table = made_up(tmp_path, queries=60).frame
    many = [table.assign(dataset=f"copy {number}") for number in range(40)]
    outcomes = made_up(tmp_path)
    wide = outcomes.join(*(Outcomes(t, (str(i),), outcomes.source) for i, t in enumerate(many)))
    session = Session(split_parts(wide, policy_in(tmp_path / "policy"), progress=False))
    session.move("rules.0.when.1", 40.0)
    replay = session.parts.tuning

    def quickest(does) -> float:
        taken = []
        for step in range(7):
            began = time.perf_counter()
            does(float(40 + step % 2))
            taken.append(time.perf_counter() - began)
        return min(taken)

    moved = quickest(lambda value: replay.moved(session.at, "rules.0.when.1", value))
    anew = quickest(lambda value: replay.at({"rules.0.when.1": value}))
    assert moved < anew / 2


def test_without_costs_latency_stands_against_quality(tmp_path: Path) -> None:
    table = made_up(tmp_path).frame.assign(cost_usd=np.nan)
    source = made_up(tmp_path).source
    policy = policy_in(tmp_path / "policy")
    parts = split_parts(Outcomes(table, ("x",), source), policy, progress=False)
    assert Session(parts).measure == "latency"
    bare = Outcomes(table.assign(latency_s=np.nan), ("x",), source)
    with pytest.raises(TableError, match="Neither costs nor latencies"):
        Session(split_parts(bare, policy, Assumptions(), progress=False))
