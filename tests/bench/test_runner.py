"""Runs: what is checked, what is kept, what resumes, and what is never hidden."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from orchestra_kit.bench import Run, Suite
from orchestra_kit.bench.run_journal import stored_run
from orchestra_kit.bench.spending import spent_before
from orchestra_kit.bench.verdicts import Verdict
from orchestra_kit.core.answer import Score, Source
from orchestra_kit.core.errors import BenchError, InvalidRequestError, StoreFull
from orchestra_kit.core.reply import Reply, ReplyStatus
from orchestra_kit.core.request import Request
from orchestra_kit.cost.budgets import SpendBudgets, Spender
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.store import Store
from tests.bench.little import NOON, ScriptedOrchestra, reply_to, run_of, suite_of

Answer = Callable[[Request, int], Reply]


def as_expected(request: Request, seed: int) -> Reply:
    if not request.text:
        raise InvalidRequestError("The request is empty.", hint="Say what is wanted.")
    if request.tier == "basic":
        return reply_to(request, route=("first", "second"))
    return reply_to(request, seconds=1.5 + seed % 1000 / 1000)


@pytest.fixture
def suite(folder: Path) -> Suite:
    return Suite.load(folder / "suite.yaml")


@pytest.fixture
def orchestra(policy: Policy) -> ScriptedOrchestra:
    return ScriptedOrchestra(policy, as_expected)


def _failing(suite: Suite, policy: Policy, answer: Answer) -> Run:
    return suite.run_sync(ScriptedOrchestra(policy, answer), progress=False)


def test_a_run_passes_when_everything_happens_as_expected(suite, orchestra) -> None:
    run = suite.run_sync(orchestra, epochs=2, progress=False)
    assert run.passed
    assert run.failures == ()
    assert run.summary().sentence() == "3 of 3 scenarios behaved as expected, 3 of 3 targets met"
    assert [r.verdict for r in run.results] == [Verdict.MET] * 3
    assert len(run.cells) == 6


async def test_a_run_can_be_awaited_inside_a_running_loop(suite, orchestra) -> None:
    run = await suite.run(orchestra, progress=False)
    assert run.passed
    assert (await asyncio.to_thread(suite.run_sync, orchestra, progress=False)).passed
    assert suite.run_sync(orchestra, progress=False).passed


def test_the_same_seed_gives_the_same_table(suite, policy) -> None:
    tables = [
        suite.run_sync(ScriptedOrchestra(policy, as_expected, seed=seed), progress=False)
        .table()
        .to_text()
        for seed in (7, 7, 8)
    ]
    assert tables[0] == tables[1]
    assert tables[0] != tables[2]


def test_a_cells_seed_depends_on_scenario_and_epoch_but_not_on_its_place(suite, orchestra) -> None:
    whole = suite.run_sync(orchestra, epochs=2, progress=False)
    part = suite.only("fallback").run_sync(orchestra, epochs=2, progress=False)
    assert part.cells == tuple(c for c in whole.cells if c.scenario == "fallback")
    assert len({cell.seed for cell in whole.cells}) == 6


def test_what_was_missed_is_told_in_words(suite, policy) -> None:
    def wrong(request: Request, seed: int) -> Reply:
        return reply_to(request, route=("second", "painter"), task="picture", rule="other")

    run = _failing(suite, policy, wrong)
    assert not run.passed
    assert run.result("primary").why == (
        "task: expected article, was picture",
        "rule: expected premium text, was other",
        "route: expected first, was second → painter",
        "attempts: expected 1, was 2",
    )
    assert "outcome: expected rejected, was answered" in run.result("empty").why
    assert "expected article, was picture" in run.table().to_html()


def test_an_expectation_must_hold_in_every_epoch(suite, policy) -> None:
    def fickle(request: Request, seed: int) -> Reply:
        if request.id == "req_primary_1":
            return reply_to(request, status=ReplyStatus.QUEUED, route=("first", "second"))
        return as_expected(request, seed)

    run = suite.run_sync(ScriptedOrchestra(policy, fickle), epochs=3, progress=False)
    result = run.result("primary")
    assert (result.held, result.holds, result.verdict) == (2, False, Verdict.MISSED)
    assert "outcome: expected answered, was queued (1 of 3 epochs)" in result.why


def test_a_broken_cell_costs_only_itself(suite, policy) -> None:
    def breaking(request: Request, seed: int) -> Reply:
        if "salt" in request.text:
            raise RuntimeError("lost the thread\x1b[31m")
        return as_expected(request, seed)

    run = _failing(suite, policy, breaking)
    assert not run.passed
    assert run.summary().errors == 1
    assert run.result("fallback").verdict is Verdict.ERROR
    assert run.result("fallback").why == ("the engine broke: lost the thread·[31m (RuntimeError)",)
    assert run.result("primary").verdict is Verdict.MET


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "test gave nan, which is not between 0 and 1"),
        (2.0, "test gave 2, which is not between 0 and 1"),
        ("good", "test gave str, not a number"),
        (True, "test gave bool, not a number"),
        (None, "the judge was away"),
    ],
)
def test_a_score_off_the_scale_is_unscored_and_never_nought(suite, policy, value, reason) -> None:
    def scored_badly(request: Request, seed: int) -> Reply:
        if request.tier == "basic":
            return as_expected(request, seed)
        return reply_to(
            request, score=Score(value=value, scorer="test", reason="the judge was away")
        )

    run = _failing(suite, policy, scored_badly)
    result = run.result("primary")
    assert result.figure("quality") is None
    assert result.verdict is Verdict.UNSCORED
    assert result.why == (f"quality: unscored ({reason}), ≥ 0.800",)
    assert run.passed
    assert run.summary().sentence().endswith("2 of 3 targets met, 1 unscored")


def test_an_unknown_price_is_unscored_and_never_nought(suite, policy) -> None:
    def unpriced(request: Request, seed: int) -> Reply:
        if request.tier == "basic":
            return as_expected(request, seed)
        return reply_to(request, cost=None)

    run = _failing(suite, policy, unpriced)
    assert run.result("primary").why == (
        "cost: unscored (the price is unknown in 1 of 1 epochs), ≤ $0.0500",
    )
    assert "unknown" in run.table().to_text()


def test_a_missed_target_shows_its_interval_and_number(policy) -> None:
    suite = suite_of(["tea"], latency=2)
    figures = {"tea": {"seconds": 3.0}}
    why = run_of(suite, figures).result("tea").why
    assert why == ("latency: 3 s (n=1, not enough data for an interval) not ≤ 2 s",)


def test_the_interval_of_a_target_covers_the_epochs(suite, orchestra) -> None:
    run = suite.run_sync(orchestra, epochs=5, progress=False)
    latency = run.result("primary").targets[0]
    assert latency.estimate is not None
    assert latency.estimate.n == 5
    assert latency.estimate.low < latency.estimate.value < latency.estimate.high
    assert "n=5" in latency.words


def test_a_suite_without_scenarios_renders_and_does_not_pass(folder, policy, orchestra) -> None:
    path = folder / "suite.yaml"
    path.write_text("suite: none\npolicy: orchestra.yaml\nscenarios: []\n", "utf-8")
    run = Suite.load(path).run_sync(orchestra, progress=False)
    assert not run.passed
    assert "nothing was checked" in run.table().to_text()
    assert run.cells_frame().empty


def test_fewer_than_one_epoch_is_refused(suite, orchestra) -> None:
    with pytest.raises(BenchError, match="at least 1"):
        suite.run_sync(orchestra, epochs=0)


def test_a_run_survives_the_way_through_json(suite, orchestra) -> None:
    import json

    run = suite.run_sync(orchestra, epochs=2, progress=False)
    back = Run.from_dict(json.loads(json.dumps(run.to_dict())))
    assert back.cells == run.cells
    assert back.suite.digest == run.suite.digest
    assert back.table().to_text() == run.table().to_text()


def test_the_source_of_the_figures_is_told_everywhere(suite, policy) -> None:
    run = _failing(suite, policy, as_expected)
    assert "simulated" in run.table().title
    assert run.to_dict()["source"] == "simulated"
    assert set(run.cells_frame()["source"]) == {"simulated"}
    assert run.summary().source is Source.SIMULATED
    assert "simulated" in repr(run)


def test_hostile_text_is_escaped_where_it_is_shown(suite, policy) -> None:
    def hostile(request: Request, seed: int) -> Reply:
        return reply_to(request, rule="<script>alert(1)</script>")

    page = _failing(suite, policy, hostile)._repr_mimebundle_()["text/html"]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


class Killed(BaseException):
    """Ends the process, as far as the runner can tell."""


def test_a_killed_run_resumes_and_gives_the_same_table(suite, policy, tmp_path) -> None:
    def killed_at(number: int) -> Answer:
        seen = []

        def answer(request: Request, seed: int) -> Reply:
            seen.append(request.id)
            if len(seen) > number:
                raise Killed
            return as_expected(request, seed)

        return answer

    whole = suite.run_sync(ScriptedOrchestra(policy, as_expected), epochs=3, progress=False)
    for number in range(1, 9):
        path = tmp_path / f"runs{number}.db"
        with pytest.raises(Killed):
            suite.run_sync(
                ScriptedOrchestra(policy, killed_at(number)), epochs=3, store=path, progress=False
            )
        again = ScriptedOrchestra(policy, as_expected)
        resumed = suite.run_sync(again, epochs=3, store=path, progress=False)
        assert len(again.handled) == 9 - number
        assert resumed.reused == number
        assert resumed.cells == whole.cells
        assert resumed.table().to_text() == whole.table().to_text()


def _interrupt(suite: Suite, policy: Policy, path: Path) -> None:
    def broken_off(request: Request, seed: int) -> Reply:
        if not request.text:
            raise Killed
        return as_expected(request, seed)

    with pytest.raises(Killed):
        suite.run_sync(ScriptedOrchestra(policy, broken_off), store=path, progress=False)


def test_a_suite_edited_before_it_resumes_is_refused_by_scenario(suite, folder, policy) -> None:
    store = folder / "runs.db"
    _interrupt(suite, policy, store)
    path = folder / "suite.yaml"
    path.write_text(path.read_text("utf-8").replace("latency: 3s", "latency: 4s"), "utf-8")
    edited = Suite.load(path)
    with pytest.raises(BenchError, match="primary") as caught:
        edited.run_sync(ScriptedOrchestra(policy, as_expected), store=store, progress=False)
    assert "fallback" not in str(caught.value)
    begun_anew = edited.run_sync(
        ScriptedOrchestra(policy, as_expected), store=store, resume=False, progress=False
    )
    assert begun_anew.passed
    assert begun_anew.reused == 0


def test_another_seed_or_a_finished_run_begins_anew(suite, policy, tmp_path) -> None:
    store = tmp_path / "runs.db"
    _interrupt(suite, policy, store)
    other = ScriptedOrchestra(policy, as_expected, seed=8)
    assert suite.run_sync(other, store=store, progress=False).reused == 0
    same = ScriptedOrchestra(policy, as_expected)
    assert suite.run_sync(same, store=store, progress=False).reused == 2
    assert suite.run_sync(same, store=store, progress=False).reused == 0


def test_a_stored_run_is_read_back_whole(suite, orchestra, tmp_path) -> None:
    path = tmp_path / "runs.db"
    run = suite.run_sync(orchestra, epochs=2, store=path, progress=False)
    with Store.open(path, read_only=True) as store:
        for back in (stored_run(store), stored_run(store, run.id)):
            assert back.cells == run.cells
            assert back.table().to_text() == run.table().to_text()
        with pytest.raises(BenchError, match="no suite run run_0"):
            stored_run(store, "run_0")


def test_a_live_run_leaves_out_what_it_cannot_play_and_says_so(suite, policy) -> None:
    def live(request: Request, seed: int) -> Reply:
        return replace(as_expected(request, seed), source=Source.LIVE)

    orchestra = ScriptedOrchestra(policy, live, source=Source.LIVE)
    run = suite.run_sync(orchestra, progress=False)
    assert run.left_out == ("fallback",)
    assert [r.scenario.id for r in run.results] == ["primary", "empty"]
    assert "1 left out because a live backend plays no faults" in run.table().title
    assert Run.from_dict(run.to_dict()).left_out == ("fallback",)


def test_nothing_goes_wrong_by_chance_and_nothing_explores(suite, policy) -> None:
    given = []

    class Watched(ScriptedOrchestra):
        def fresh(self, *, faults, explore, **others):
            given.append((faults, explore))
            return super().fresh(faults=faults, **others)

    suite.run_sync(Watched(policy, as_expected), progress=False)
    faults, explore = given[1]
    assert explore is False
    assert faults.after("first", 0).kind == "server"
    assert faults.after("second", 5).kind == "none"
    assert given[0][0].after("first", 0).kind == "none"


def test_a_full_disk_keeps_what_was_finished(suite, policy, tmp_path, monkeypatch) -> None:
    path = tmp_path / "runs.db"
    save, saved = Store.save_cell, []

    def fills_up(self, *args, **kwargs):
        if len(saved) == 2:
            raise StoreFull("the disk is full.", hint="Free some space.")
        saved.append(args)
        return save(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save_cell", fills_up)
        with pytest.raises(StoreFull):
            suite.run_sync(ScriptedOrchestra(policy, as_expected), store=path, progress=False)
    resumed = suite.run_sync(ScriptedOrchestra(policy, as_expected), store=path, progress=False)
    assert resumed.reused == 2
    assert resumed.passed


@pytest.mark.parametrize("share", [0.5, 0.95, 1.3])
def test_what_is_spent_already_leaves_just_the_rest(policy, share) -> None:
    budgets = SpendBudgets(policy.file.budgets, spent_before(policy, share, NOON))
    left = budgets.left(Spender(tier="basic", user="someone"), NOON)
    assert left == pytest.approx(max(0.0, 1 - share))


def test_nothing_spent_leaves_no_entry(policy) -> None:
    assert spent_before(policy, 0.0, NOON) == ()


def test_the_first_of_a_month_is_as_tight_as_any_other_day(policy) -> None:
    first = NOON.replace(day=1)
    budgets = SpendBudgets(policy.file.budgets, spent_before(policy, 0.95, first))
    assert budgets.left(Spender(), first) == pytest.approx(0.05)


def test_costs_of_unseen_answers_are_kept_apart(suite, policy) -> None:
    run = _failing(suite, policy, as_expected)
    assert all(cell.cost_upper == Decimal(0) for cell in run.cells)
