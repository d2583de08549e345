"""A day of demand depends on its date and seed alone, and looks as the file says."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from orchestra_kit.bench.demand import Demand
from orchestra_kit.core.errors import ConfigError
from orchestra_kit.policy.policy import Policy
from orchestra_kit.shipped import path

MONDAY = date(2026, 10, 19)


@pytest.fixture(scope="module")
def demand() -> Demand:
    return Demand.load(path("examples/contentforge/traffic.yaml"))


@pytest.fixture(scope="module")
def week(demand: Demand) -> list:
    return [demand.draw(MONDAY + timedelta(days=d), 7) for d in range(7)]


def test_a_day_is_the_same_whenever_it_is_drawn(demand: Demand, week: list) -> None:
    again = Demand.load(path("examples/contentforge/traffic.yaml"))
    assert again.draw(MONDAY + timedelta(days=2), 7) == week[2]
    assert demand.draw(MONDAY, 8) != week[0]


def test_arrivals_are_ordered_and_within_the_day(week: list) -> None:
    for day in week:
        times = [r.at for r in day]
        assert times == sorted(times)
        assert times[0] >= 0
        assert times[-1] < 86_400


def test_numbers_follow_the_weights_of_days_and_hours(demand: Demand, week: list) -> None:
    total = sum(map(len, week))
    assert abs(total - 7 * demand.file.requests_a_day) < 5 * total**0.5
    assert len(week[1]) > 1.5 * len(week[5])
    hours = Counter(int(r.at // 3600) for day in week for r in day)
    assert hours[14] > 5 * hours[2]


def test_tiers_and_tasks_have_their_shares(demand: Demand, week: list) -> None:
    everything = [r for day in week for r in day]
    for tier, share in demand.file.tiers.items():
        mine = [r for r in everything if r.tier == tier]
        assert len(mine) / len(everything) == pytest.approx(share, abs=0.02)
        tasks = Counter(r.task_truth for r in mine if r.task_truth)
        for task, part in demand.file.tasks[tier].items():
            assert tasks[task] / sum(tasks.values()) == pytest.approx(part, abs=0.04)
    unclear = sum(r.task_truth is None for r in everything) / len(everything)
    assert unclear == pytest.approx(demand.file.unclear, abs=0.005)


def test_about_as_many_requests_repeat_as_the_file_says(demand: Demand, week: list) -> None:
    texts = [" ".join(r.text.lower().rstrip(". ").split()) for r in week[1] if r.task_truth]
    repeated = 1 - len(set(texts)) / len(texts)
    assert 0.08 < repeated < demand.file.repeats.share + 0.02


def test_a_session_belongs_to_one_user_and_task_and_counts_its_turns(week: list) -> None:
    sessions: dict[str, list] = {}
    for request in week[0]:
        if request.session:
            sessions.setdefault(request.session, []).append(request)
    assert max(map(len, sessions.values())) > 3
    for turns in sessions.values():
        assert [r.session_turns for r in turns] == list(range(len(turns)))
        assert len({(r.user, r.feature, r.tier) for r in turns}) == 1
        assert len({r.task_truth for r in turns} - {None}) <= 1


def test_some_users_ask_much_more_than_others(week: list) -> None:
    users = Counter(r.user for day in week for r in day)
    assert users.most_common(1)[0][1] > 10 * sum(users.values()) / len(users)


def test_no_slot_is_left_open(week: list) -> None:
    assert not [r.text for day in week for r in day if "{" in r.text or "}" in r.text]


def test_it_asks_only_for_tasks_and_tiers_of_its_policy(demand: Demand) -> None:
    policy = Policy.load(path("examples/contentforge/orchestra.yaml"))
    assert set(demand.file.tiers) == set(policy.tiers)
    assert set(demand.file.templates) == set(policy.tasks)


SMALL = """\
requests_a_day: 100
hours: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
weekdays: [1, 1, 1, 1, 1, 1, 0]
tiers: {basic: 1}
tasks: {basic: {letter: 1}}
features: {desk: {letter: 1}}
users: {number: 3, skew: 1}
sessions: {share: 0.5, gap: 10m}
repeats: {share: 0.2, pool: 5}
unclear: 0.1
unclear_texts: [hm]
slots: {who: [aunt, bank]}
templates:
  letter: ["Write to {who} and {who}"]
"""


def test_a_day_without_weight_is_empty(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(SMALL, "utf-8")
    demand = Demand.load(tmp_path / "t.yaml")
    assert demand.draw(MONDAY + timedelta(days=6), 1) == []
    assert {r.text for r in demand.draw(MONDAY, 1)} & {"Write to aunt and bank", "hm"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("tiers: {basic: 1}", "tiers: {basic: 0}", "must weigh more than 0"),
        ("tasks: {basic: {letter: 1}}", "tasks: {gold: {letter: 1}}", "no tasks for basic"),
        ("tasks: {basic: {letter: 1}}", "tasks: {basic: {poem: 1}}", "no templates for poem"),
        ("features: {desk: {letter: 1}}", "features: {desk: {}}", "no feature for letter"),
        ("slots: {who: [aunt, bank]}", "slots: {whom: [aunt]}", "slot “who”"),
        ("skew: 1", "skew: -1", "at least 0"),
        ("weekdays: [1, 1,", "weekdays: [1,", "is empty"),
        ("Write to {who} and", "Write to {who and", ""),
    ],
)
def test_a_faulty_file_is_told_in_words(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert SMALL.count(old) == 1
    (tmp_path / "t.yaml").write_text(SMALL.replace(old, new), "utf-8")
    with pytest.raises(ConfigError) as caught:
        Demand.load(tmp_path / "t.yaml")
    assert words in str(caught.value)
