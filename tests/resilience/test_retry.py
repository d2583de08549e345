"""What each class of failure allows."""

from __future__ import annotations

import pytest

from orchestra_kit.core.errors import FailureClass
from orchestra_kit.resilience.retry import RETRY_RULES, table

REQUEST_SHAPED = [FailureClass.BAD_REQUEST, FailureClass.CONTENT, FailureClass.CONTEXT]
THROTTLED = [FailureClass.RATE, FailureClass.CONCURRENCY, FailureClass.QUOTA]
MAYBE_BILLED = [FailureClass.TIMEOUT, FailureClass.STREAM_CUT]


def test_every_class_of_failure_has_a_rule_and_a_reason():
    assert RETRY_RULES.keys() == set(FailureClass)
    assert all(rule.because for rule in RETRY_RULES.values())


@pytest.mark.parametrize("failure", REQUEST_SHAPED)
def test_what_the_request_caused_is_neither_repeated_nor_held_against_the_deployment(failure):
    rule = RETRY_RULES[failure]
    assert (rule.same_target, rule.weight, rule.isolates) == (0, 0, None)


@pytest.mark.parametrize("failure", THROTTLED)
def test_too_many_requests_never_count_against_the_deployment(failure):
    assert RETRY_RULES[failure].weight == 0


@pytest.mark.parametrize("failure", MAYBE_BILLED)
def test_what_may_have_been_billed_is_not_repeated_and_counts(failure):
    assert (RETRY_RULES[failure].same_target, RETRY_RULES[failure].weight) == (0, 1)


@pytest.mark.parametrize("failure", [FailureClass.SERVER, FailureClass.CONNECT])
def test_what_surely_produced_nothing_is_retried_twice_and_counts(failure):
    assert (RETRY_RULES[failure].same_target, RETRY_RULES[failure].weight) == (2, 1)


def test_an_overload_is_retried_once_and_counts_half():
    rule = RETRY_RULES[FailureClass.OVERLOADED]
    assert (rule.same_target, rule.weight) == (1, 0.5)


def test_a_rate_limit_is_waited_for_only_where_nobody_else_can_answer():
    rule = RETRY_RULES[FailureClass.RATE]
    assert rule.retries(has_alternative=True) == 0
    assert rule.retries(has_alternative=False) == 2


@pytest.mark.parametrize("failure", [FailureClass.AUTH, FailureClass.NOT_FOUND])
def test_a_wrong_key_and_a_missing_model_are_out_until_somebody_acts(failure):
    rule = RETRY_RULES[failure]
    assert (rule.same_target, rule.isolates) == (0, float("inf"))


def test_a_spent_quota_is_never_retried_and_out_for_a_while():
    rule = RETRY_RULES[FailureClass.QUOTA]
    assert rule.same_target == 0
    assert 0 < rule.isolates < float("inf")


def test_the_rules_cannot_be_changed_by_accident():
    with pytest.raises(TypeError):
        RETRY_RULES[FailureClass.SERVER] = RETRY_RULES[FailureClass.RATE]


def test_the_table_tells_every_rule():
    text = table().to_text()
    for failure in FailureClass:
        assert failure.value in text
    assert "half a failure" in text
    assert "isolated" in text
