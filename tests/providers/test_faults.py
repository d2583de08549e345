"""What a deployment is made to do wrong, send by send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.providers.faults import STREAM_KINDS, Fault, FaultScript
from orchestra_kit.providers.scripted import FAILURES, FOREVER, slowed, strike
from tests.providers.assumed import a_clock


def script(**faults: list[dict[str, object]]) -> FaultScript:
    return FaultScript.model_validate(faults)


def kinds(faults: FaultScript, deployment: str, sends: int) -> list[str | None]:
    found = [faults.after(deployment, n) for n in range(sends)]
    return [fault.kind if fault else None for fault in found]


def test_an_empty_script_harms_nobody():
    assert kinds(FaultScript(), "a", 3) == [None] * 3


def test_faults_are_consumed_in_order_and_then_all_is_well():
    faults = script(a=[{"kind": "rate", "times": 2}, {"kind": "server", "times": 1}])
    assert kinds(faults, "a", 5) == ["rate", "rate", "server", None, None]
    assert kinds(faults, "b", 2) == [None, None]


def test_a_fault_without_times_lasts_for_ever():
    faults = script(a=[{"kind": "rate", "times": 1}, {"kind": "timeout"}])
    assert kinds(faults, "a", 4) == ["rate", "timeout", "timeout", "timeout"]


def test_the_star_stands_for_whoever_has_no_list_of_its_own():
    faults = FaultScript.model_validate(
        {"*": [{"kind": "server"}], "a": [{"kind": "rate"}], "b": []}
    )
    assert kinds(faults, "a", 1) == ["rate"]
    assert kinds(faults, "b", 1) == [None]
    assert kinds(faults, "c", 1) == ["server"]


@given(st.lists(st.integers(1, 5), max_size=6))
def test_each_fault_befalls_as_many_sends_as_it_says(times):
    faults = script(a=[{"kind": "slow", "times": n} for n in times])
    struck = kinds(faults, "a", sum(times) + 3)
    assert struck == ["slow"] * sum(times) + [None] * 3


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"kind": "tired"}, "kind"),
        ({"kind": "rate", "times": 0}, "times"),
        ({"kind": "rate", "retry_after": "-5s"}, "retry_after"),
        ({"kind": "rate", "seconds": "5s"}, "seconds"),
        ({"kind": "content", "retry_after": "5s"}, "retry_after"),
        ({"kind": "slow", "after": 0.5}, "after"),
        ({"kind": "stream_cut", "after": 1.5}, "after"),
        ({"kind": "rate", "every": 2}, "every"),
        ({}, "kind"),
    ],
)
def test_a_fault_that_means_nothing_is_refused(fault, word):
    with pytest.raises(ValidationError, match=word):
        script(a=[fault])


def test_a_script_survives_being_written_and_read():
    faults = script(a=[{"kind": "rate", "retry_after": "2s", "times": 1}], b=[{"kind": "slow"}])
    assert FaultScript.model_validate_json(faults.model_dump_json()) == faults


def struck(fault: Fault) -> tuple[ProviderError | None, float]:
    with a_clock() as clock:

        async def play() -> ProviderError | None:
            try:
                await strike(fault, clock)
            except ProviderError as error:
                return error
            return None

        return clock.run_sync(play()), clock.monotonic()


@pytest.mark.parametrize(
    ("kind", "failure", "outcome", "status"),
    [
        ("timeout", FailureClass.TIMEOUT, AttemptOutcome.UNKNOWN, None),
        ("rate", FailureClass.RATE, AttemptOutcome.FAILED, 429),
        ("quota", FailureClass.QUOTA, AttemptOutcome.FAILED, 429),
        ("server", FailureClass.SERVER, AttemptOutcome.FAILED, 500),
        ("overloaded", FailureClass.OVERLOADED, AttemptOutcome.FAILED, 529),
        ("connect", FailureClass.CONNECT, AttemptOutcome.NOT_SENT, None),
        ("content", FailureClass.CONTENT, AttemptOutcome.REFUSED, 400),
        ("context", FailureClass.CONTEXT, AttemptOutcome.REFUSED, 400),
        ("auth", FailureClass.AUTH, AttemptOutcome.REFUSED, 401),
    ],
)
def test_each_kind_fails_as_the_real_thing_does(kind, failure, outcome, status):
    error, seconds = struck(Fault(kind=kind))
    assert (error.failure, error.outcome, error.status) == (failure, outcome, status)
    assert error.usage is None
    assert seconds == {"timeout": FOREVER, "connect": 0.0}.get(kind, 0.5)


def test_every_kind_of_failure_is_known_and_the_others_bring_an_answer():
    answering = {"slow", "malformed", "low_quality", "none", *STREAM_KINDS}
    for kind in answering:
        assert struck(Fault(kind=kind)) == (None, 0.0)
    assert not answering & FAILURES.keys()


def test_what_the_provider_asks_to_wait_is_passed_on():
    error, _ = struck(Fault(kind="rate", retry_after="7s"))
    assert error.retry_after == 7.0


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (None, 4.0),
        (Fault(kind="low_quality"), 4.0),
        (Fault(kind="slow"), 24.0),
        (Fault(kind="slow", seconds="5s"), 9.0),
    ],
)
def test_only_a_slow_fault_makes_an_answer_slower(fault, seconds):
    assert slowed(fault, 4.0) == seconds
