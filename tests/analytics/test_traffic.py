from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from orchestra_kit.analytics.coverage import last_full_week
from orchestra_kit.analytics.traffic import load_traffic
from orchestra_kit.analytics.week import Week
from orchestra_kit.core.answer import Source
from orchestra_kit.store.store import Store
from tests.analytics.synthetic import WEEK, fill, run_row, write


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "store.db"
    fill(path, per_week=300)
    return path


def load(path, week=WEEK):
    with Store.open(path, read_only=True) as store:
        return load_traffic(store, week)


def request(run, at, **fields):
    moment = int(at.timestamp()) * 1_000_000
    return {
        "id": f"r{moment}", "run_id": run, "source": "simulated", "at": moment, "task": "article",
        "tier": "basic", "status": "answered", "chain_tier": 0, "cost": 10_000_000, "cost_upper": 0,
        "seconds": 1.0, "quality": 0.9, "model": "gpt", "policy_hash": "abc", **fields,
    }  # fmt: skip


def test_the_week_and_the_four_before_are_loaded_and_told_apart(filled):
    traffic = load(filled)
    assert len(traffic.requests) == 1500
    assert sorted(traffic.requests["age"].unique()) == [0, 1, 2, 3, 4]
    assert len(traffic.now) == 300
    assert traffic.weeks_held == 4
    assert traffic.source is Source.SIMULATED
    assert traffic.seeds == (7,)
    first, last = traffic.span
    assert WEEK.period.starts <= first <= last < WEEK.period.ends


def test_money_and_quality_come_in_their_units(filled):
    now = load(filled).now
    assert 0.001 < now["cost"].mean() < 1
    assert now["quality"].dropna().between(0, 1).all()
    assert now.loc[now["status"] == "queued", "quality"].isna().all()
    assert (now.loc[now["status"] != "answered", "chain_tier"] == -1).all()


def test_attempts_carry_the_labels_of_their_request(filled):
    traffic = load(filled)
    assert set(traffic.attempts["task"]) <= set(traffic.now["task"])
    answered = (traffic.attempts["outcome"] == "answered").sum()
    assert answered == (traffic.now["status"] == "answered").sum()


def test_an_earlier_week_has_fewer_weeks_before_it(filled):
    assert load(filled, WEEK.shifted(-4)).weeks_held == 0
    assert load(filled, WEEK.shifted(-3)).weeks_held == 1


def test_a_week_without_requests_is_empty_and_loads(filled):
    traffic = load(filled, Week.parse("2020-W10"))
    assert traffic.requests.empty
    assert traffic.source is None
    assert traffic.span is None


def test_an_empty_store_loads(tmp_path):
    Store.open(tmp_path / "empty.db").close()
    assert load(tmp_path / "empty.db").now.empty


@pytest.mark.parametrize("kind", ["suite", "recording"])
def test_runs_of_the_suite_and_recordings_do_not_count(tmp_path, kind):
    path = tmp_path / "store.db"
    fill(path, per_week=50, kind=kind)
    assert load(path).requests.empty


def test_the_most_real_source_is_reported_and_the_others_counted(tmp_path):
    path = tmp_path / "store.db"
    fill(path, per_week=50, run="made", source="simulated")
    fill(path, per_week=20, run="real", source="live", kind="service")
    traffic = load(path)
    assert traffic.source is Source.LIVE
    assert len(traffic.now) == 20
    assert traffic.excluded == {"simulated": 250}
    assert traffic.runs == ("real",)
    assert set(traffic.notices["source"]) <= {"live", ""}


def test_requests_of_one_name_in_two_runs_keep_their_own_attempts(tmp_path):
    path = tmp_path / "store.db"
    at = datetime(2026, 11, 17, 12, tzinfo=UTC)
    moment = int(at.timestamp()) * 1_000_000
    write(
        path,
        runs=[run_row(name, "service", "simulated") for name in ("a", "b")],
        requests=[request(name, at, id="same") for name in ("a", "b")],
        attempts=[
            {
                "id": f"{name}{i}", "run_id": name, "request_id": "same", "source": "simulated",
                "number": i, "deployment": "gpt", "model": "gpt", "outcome": "answered",
                "at": moment, "cost": 1, "state": "done",
            }
            for name, count in (("a", 1), ("b", 2))
            for i in range(count)
        ],
    )  # fmt: skip
    assert len(load(path).attempts) == 3


def test_generated_days_without_their_mark_are_no_part_of_any_figure(tmp_path):
    path = tmp_path / "store.db"
    days = [datetime(2026, 11, 17, 12, tzinfo=UTC), datetime(2026, 11, 18, 12, tzinfo=UTC)]
    write(
        path,
        runs=[run_row("made", "traffic", "simulated")],
        requests=[request("made", at) for at in days],
        days=[
            {
                "run_id": "made", "source": "simulated", "day": date(2026, 11, 17), "requests": 1,
                "completed_at": 0,
            }
        ],
    )  # fmt: skip
    traffic = load(path)
    assert len(traffic.now) == 1
    assert traffic.excluded == {"unfinished days": 1}


def test_the_end_of_a_week_belongs_to_the_next(tmp_path):
    path = tmp_path / "store.db"
    edges = [WEEK.period.starts, WEEK.period.ends]
    write(
        path,
        runs=[run_row("real", "service", "simulated")],
        requests=[request("real", at) for at in edges],
    )
    assert len(load(path).now) == 1
    assert len(load(path, WEEK.shifted(1)).now) == 1


def full_week(tmp_path, at, *, now, source="simulated"):
    path = tmp_path / "store.db"
    write(
        path,
        runs=[run_row("real", "service", source)],
        requests=[request("real", moment, source=source) for moment in at],
    )
    with Store.open(path, read_only=True) as store:
        return last_full_week(store, now=now)


SUNDAY_LATE = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)
LONG_AGO, LATER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


def test_generated_traffic_up_to_its_last_hour_is_a_full_week_whatever_the_date(tmp_path):
    assert full_week(tmp_path, [MONDAY, SUNDAY_LATE], now=LONG_AGO) == WEEK


def test_real_use_is_a_full_week_when_the_week_is_over(tmp_path):
    assert full_week(tmp_path, [MONDAY], now=LATER, source="live") == WEEK


def test_a_week_that_still_runs_gives_way_to_the_one_before(tmp_path):
    earlier = datetime(2026, 11, 3, tzinfo=UTC)
    found = full_week(tmp_path, [earlier, SUNDAY_LATE], now=SUNDAY_LATE, source="live")
    assert found == Week.parse("2026-W45")


def test_the_only_week_is_reported_although_it_still_runs(tmp_path):
    assert full_week(tmp_path, [MONDAY], now=MONDAY, source="live") == WEEK


def test_an_empty_store_has_no_week(tmp_path):
    Store.open(tmp_path / "empty.db").close()
    with Store.open(tmp_path / "empty.db", read_only=True) as store:
        assert last_full_week(store) is None
