from __future__ import annotations

import pytest

from orchestra_kit import shipped
from orchestra_kit.analytics.traffic import load_traffic
from orchestra_kit.analytics.week import Week
from orchestra_kit.analytics.weekly import Standing, analyse_week
from orchestra_kit.outcomes.statistics import Evidence
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.store import Store
from tests.analytics.synthetic import WEEK, fill


@pytest.fixture(scope="module")
def policy():
    return Policy.load(shipped.path("examples/contentforge"))


@pytest.fixture(scope="module")
def analysis(tmp_path_factory, policy):
    path = tmp_path_factory.mktemp("store") / "store.db"
    fill(path, per_week=10_000, cheaper=0.8)
    with Store.open(path, read_only=True) as store:
        return analyse_week(load_traffic(store, WEEK), policy)


def test_a_known_fall_of_cost_is_found_with_its_size(analysis):
    change = next(c for c in analysis.overall if c.measure.name == "cost_per_request")
    assert change.verdict is Evidence.SHOWS
    assert change.change.low <= -0.2 <= change.change.high


def test_a_known_outage_is_an_incident_and_an_alert(analysis):
    assert list(analysis.incidents["kind"]) == ["breaker_open", "breaker_closed"]
    assert analysis.incidents.iloc[0]["count"] == 2
    down = next(a for a in analysis.alerts if a.name == "availability below 99.5 %")
    assert down.worst_at.strftime("%A") == "Wednesday"
    assert down.minutes_beyond_chance > 0


def test_the_parts_agree_with_each_other(analysis):
    now = analysis.traffic.now
    assert analysis.fallback.total == len(now)
    assert sum(fall.total for fall in analysis.fallback_by_task.values()) == len(now)
    assert analysis.costs["cost"].sum() == pytest.approx(now["cost"].sum(), rel=1e-6)
    assert analysis.spend.known == pytest.approx(now["cost"].sum(), rel=1e-6)
    availability = next(c for c in analysis.overall if c.measure.name == "availability")
    assert analysis.fallback.availability.value == availability.now.value
    assert set(analysis.trend["week"]) == {WEEK.shifted(-age).label for age in range(5)}


def test_findings_are_ranked_and_carry_interval_and_n(analysis):
    weights = [finding.weight for finding in analysis.findings]
    assert weights == sorted(weights, reverse=True)
    assert analysis.headline == analysis.findings[0].sentence
    assert any("95 % interval" in f.sentence for f in analysis.findings)


def test_a_missed_target_makes_the_week_off_target(analysis):
    missed = any(t.verdict.value == "missed" for t in analysis.targets)
    assert (analysis.standing is Standing.BAD) is missed


def test_an_empty_week_has_a_standing_of_its_own(policy, tmp_path):
    Store.open(tmp_path / "s.db").close()
    with Store.open(tmp_path / "s.db", read_only=True) as store:
        empty = analyse_week(load_traffic(store, Week.parse("2026-W01")), policy)
    assert empty.empty
    assert empty.standing is Standing.NONE
    assert "no request of 2026-W01" in empty.headline
    assert empty.findings == ()


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_requests_are_analysed_without_a_verdict(policy, tmp_path, count):
    path = tmp_path / "s.db"
    fill(path, per_week=count, weeks=1, outage=False)
    with Store.open(path, read_only=True) as store:
        tiny = analyse_week(load_traffic(store, WEEK), policy)
    assert {t.verdict.value for t in tiny.targets} == {"too few data"}
    assert all(c.verdict is Evidence.TOO_LITTLE for c in tiny.overall)
