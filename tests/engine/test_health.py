"""What the engine knows of each deployment's health, whom it tells, and what it lets through."""

from __future__ import annotations

import asyncio

import pytest

from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.core.reply import Severity
from orchestra_kit.engine.health import Health
from orchestra_kit.engine.notices import Notices
from orchestra_kit.resilience.breaker import BreakerState
from orchestra_kit.resilience.retry import RETRY_RULES
from tests.engine.small import NOON

FAILED = AttemptOutcome.FAILED


class Bench:
    """Health on a clock of its own, and what operators were told."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NOON)
        self.told = []
        self.health = Health(["a", "b"], clock=self.clock, seed=5)
        self.notices = Notices(self.clock, self._keep)

    async def _keep(self, notice):
        self.told.append(notice)

    def note(self, failure, *, times=1, sent=None, **more):
        async def noting():
            for _ in range(times):
                await self.health.note("a", failure, self.notices, "req_1", sent=sent, **more)

        self.clock.run_sync(noting())

    def wait(self, seconds):
        self.clock.run_sync(asyncio.sleep(seconds))

    def retry_wait(self, failure, outcome=FAILED, **changes):
        given = {"retries_done": 0, "retry_after": None, "has_alternative": True, **changes}
        return self.health.retry_wait("a", failure, outcome, **given)

    @property
    def state(self):
        return self.health.breakers["a"].state(self.clock.monotonic())

    @property
    def kinds(self):
        return [notice.kind for notice in self.told]


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.clock.close()


def test_at_first_everything_may_be_called(bench):
    assert bench.health.unavailable() == {}
    assert bench.health.admit("a")


def test_five_failures_take_a_deployment_out_and_tell_operators_once(bench):
    bench.note(FailureClass.SERVER, times=8)
    assert list(bench.health.unavailable()) == ["a"]
    assert "breaker open for" in bench.health.unavailable()["a"]
    assert not bench.health.admit("a")
    assert bench.health.admit("b")
    (notice,) = bench.told
    assert (notice.kind, notice.deployment) == ("breaker_open", "a")
    assert notice.severity is Severity.WARNING
    assert "server" in notice.message


@pytest.mark.parametrize("failure", list(FailureClass))
def test_each_failure_weighs_what_its_rule_says(bench, failure):
    rule = RETRY_RULES[failure]
    bench.note(failure, times=4)
    assert (bench.state is BreakerState.ISOLATED) is (rule.isolates is not None)
    bench.note(failure)
    assert (bench.state is BreakerState.OPEN) is (rule.weight == 1)
    bench.note(failure, times=20)
    assert (bench.state is BreakerState.CLOSED) is (rule.weight == 0 and rule.isolates is None)


def test_a_wrong_key_isolates_until_somebody_acts_and_is_critical(bench):
    bench.note(FailureClass.AUTH)
    bench.wait(1e6)
    assert bench.health.unavailable() == {"a": "isolated until somebody closes its breaker"}
    assert bench.told[0].severity is Severity.CRITICAL
    bench.health.breakers["a"].close(bench.clock.monotonic())
    assert bench.health.unavailable() == {}


def test_a_spent_quota_isolates_for_an_hour_and_says_so(bench):
    bench.note(FailureClass.QUOTA)
    bench.wait(600)
    assert bench.health.unavailable() == {"a": "isolated for 3000 s more"}
    bench.wait(3000)
    assert bench.health.unavailable() == {}


@pytest.mark.parametrize("seconds", [120.0, 40_000.0])
def test_a_quota_whose_renewal_the_provider_names_is_out_until_then(bench, seconds):
    bench.note(FailureClass.QUOTA, retry_after=seconds)
    bench.wait(seconds - 1)
    assert not bench.health.admit("a")
    bench.wait(1)
    assert bench.health.admit("a")


def ramp(bench):
    """The breaker runs out, a probe goes well, and the ramp passes."""
    bench.wait(bench.health.breakers["a"].seconds_until_probe(bench.clock.monotonic()))
    assert bench.health.admit("a")
    bench.note(None)
    bench.wait(61)


def recover(bench):
    """A ramp, and a good call after it."""
    ramp(bench)
    bench.note(None)


def test_operators_are_told_when_a_deployment_answers_again_and_only_once(bench):
    bench.note(FailureClass.SERVER, times=5)
    recover(bench)
    bench.wait(1000)
    bench.note(None, times=10)
    assert bench.kinds == ["breaker_open", "breaker_closed"]
    assert bench.told[1].severity is Severity.INFO


def test_a_failure_is_no_sign_that_it_answers_again(bench):
    bench.note(FailureClass.SERVER, times=5)
    ramp(bench)
    bench.note(FailureClass.SERVER)
    assert bench.kinds == ["breaker_open"]
    bench.note(None)
    assert bench.kinds == ["breaker_open", "breaker_closed"]


def test_what_ends_while_it_is_out_is_no_news(bench):
    bench.note(FailureClass.AUTH)
    bench.wait(1000)
    bench.note(FailureClass.SERVER)
    bench.note(None)
    assert bench.kinds == ["breaker_isolated"]


def test_nobody_is_told_that_what_was_never_out_is_back(bench):
    bench.note(None, times=10)
    bench.note(FailureClass.SERVER, times=2)
    bench.note(None, times=10)
    assert bench.told == []


def test_the_last_thing_operators_hear_is_true_however_soon_it_changes(bench):
    for _ in range(2):
        bench.note(FailureClass.SERVER, times=5)
        recover(bench)
    assert bench.kinds == ["breaker_open", "breaker_closed"] * 2
    assert bench.clock.monotonic() < 300


def test_failed_probes_within_five_minutes_are_not_told_again(bench):
    bench.note(FailureClass.SERVER, times=5)
    for _ in range(3):
        bench.wait(bench.health.breakers["a"].seconds_until_probe(bench.clock.monotonic()))
        assert bench.health.admit("a")
        bench.note(FailureClass.SERVER)
    assert bench.kinds == ["breaker_open"]


def test_an_answer_sent_for_before_the_outage_is_not_the_probes(bench):
    bench.note(FailureClass.SERVER, times=5)
    bench.wait(18)
    sent = bench.clock.monotonic()
    assert bench.health.admit("a")
    bench.note(None, sent=-1.0)
    bench.health.forget("a", sent=-1.0)
    assert not bench.health.admit("a")
    bench.note(FailureClass.SERVER, sent=-1.0)
    assert bench.state is BreakerState.HALF_OPEN
    bench.health.forget("a", sent=sent)
    assert bench.health.admit("a")


# ── Retries ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("failure", list(FailureClass))
@pytest.mark.parametrize("has_alternative", [True, False])
def test_retries_end_where_the_rule_says(bench, failure, has_alternative):
    allowed = RETRY_RULES[failure].retries(has_alternative=has_alternative)
    for done in range(4):
        wait = bench.retry_wait(failure, retries_done=done, has_alternative=has_alternative)
        assert (wait is not None) is (done < allowed)


@pytest.mark.parametrize("failure", list(FailureClass))
def test_what_may_have_been_answered_is_never_repeated(bench, failure):
    wait = bench.retry_wait(failure, AttemptOutcome.UNKNOWN, has_alternative=False)
    assert wait is None


def test_a_wait_that_is_too_long_is_no_wait(bench):
    limited = {"has_alternative": False, "failure": FailureClass.RATE}
    assert bench.retry_wait(retry_after=3600.0, **limited) is None
    assert bench.retry_wait(retry_after=float("inf"), **limited) is None
    assert bench.retry_wait(retry_after=20.0, within=10.0, **limited) is None
    assert 20 <= bench.retry_wait(retry_after=20.0, within=30.0, **limited) <= 25


def test_a_retry_that_is_not_made_costs_no_token(bench):
    for _ in range(20):
        bench.retry_wait(FailureClass.RATE, retry_after=3600.0, has_alternative=False)
        bench.retry_wait(FailureClass.SERVER, within=0.0)
    granted = [bench.retry_wait(FailureClass.SERVER) is not None for _ in range(5)]
    assert granted == [True, True, True, False, False]


def test_nobody_waits_for_a_deployment_that_has_just_been_taken_out(bench):
    bench.note(FailureClass.SERVER, times=5)
    assert bench.retry_wait(FailureClass.SERVER) is None


def test_retries_earn_no_retries(bench):
    for _ in range(20):
        bench.health.admit("a")
    for _ in range(100):
        bench.health.admit("a", retry=True)
    granted = sum(bench.retry_wait(FailureClass.SERVER) is not None for _ in range(50))
    assert granted == 4


def test_the_budgets_of_two_deployments_are_two(bench):
    for _ in range(5):
        bench.retry_wait(FailureClass.SERVER)
    wait = bench.health.retry_wait(
        "b", FailureClass.SERVER, FAILED, retries_done=0, retry_after=None, has_alternative=True
    )
    assert wait is not None
