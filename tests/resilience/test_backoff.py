"""How long a retry waits."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.resilience.backoff import full_jitter, wait_for

SEEDS = st.integers(0, 2**32)


@given(retries=st.integers(0, 5000), base=st.floats(0.01, 8), seed=SEEDS)
def test_the_backoff_is_never_negative_and_never_above_eight_seconds(retries, base, seed):
    assert 0 <= full_jitter(retries, base=base, random=Random(seed)) <= 8


@pytest.mark.parametrize(("retries", "cap"), [(0, 0.5), (1, 1.0), (2, 2.0), (4, 8.0), (9, 8.0)])
def test_the_backoff_is_spread_over_the_whole_doubling_range(retries, cap):
    random = Random(4)
    waits = [full_jitter(retries, base=0.5, random=random) for _ in range(2000)]
    assert min(waits) < 0.01 * cap
    assert 0.99 * cap < max(waits) <= cap
    assert sum(waits) / 2000 == pytest.approx(cap / 2, rel=0.06)


@given(asked=st.floats(0, 1e6), retries=st.integers(0, 9), seed=SEEDS)
def test_a_provider_that_says_how_long_is_never_asked_earlier(asked, retries, seed):
    wait = wait_for(asked, retries, base=0.5, random=Random(seed))
    assert asked <= wait <= max(1.25 * asked, 8)


def test_clients_told_the_same_time_do_not_come_back_together():
    waits = {wait_for(10.0, 0, base=0.5, random=Random(seed)) for seed in range(100)}
    assert len(waits) == 100
    assert max(waits) > 12.2


def test_a_provider_that_asks_for_no_time_gets_the_backoff():
    waits = [wait_for(0.0, 1, base=0.5, random=Random(seed)) for seed in range(200)]
    assert max(waits) > 0.9


@given(nonsense=st.sampled_from([-5.0, -math.inf, math.nan]), seed=SEEDS)
def test_nonsense_is_as_if_nothing_had_been_said(nonsense, seed):
    expected = wait_for(None, 1, base=0.5, random=Random(seed))
    assert wait_for(nonsense, 1, base=0.5, random=Random(seed)) == expected


def test_for_ever_stays_for_ever():
    assert wait_for(math.inf, 0, base=0.5, random=Random(1)) == math.inf


def test_without_a_base_and_a_word_of_the_provider_there_is_no_wait():
    assert wait_for(None, 3, base=0.0, random=Random(1)) == 0


def test_a_backoff_with_a_least_is_drawn_from_what_lies_above_it():
    random = Random(1)
    drawn = [wait_for(None, 0, base=4.0, least=1.0, random=random) for _ in range(500)]
    assert 1.0 <= min(drawn) < 1.1
    assert 3.9 < max(drawn) <= 4.0
    assert wait_for(None, 0, base=0.0, least=1.0, random=random) == 0.0
