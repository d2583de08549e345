"""A figure beside a claim: five words, each worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.outcomes.claims.claim import CLAIMS, Claim, Unit
from orchestra_kit.outcomes.claims.verdict import Verdict, judged
from orchestra_kit.outcomes.measurement import Measured

RISE = Claim(name="rise", about="It", words="+31 to +47 %", how="", low=0.31, high=0.47,
             better="higher")  # fmt: skip
SAVING = Claim(name="saving", about="It", words="−40 to −60 %", how="", low=-0.6, high=-0.4,
               better="lower")  # fmt: skip
FACTOR = Claim(name="factor", about="It", words="2 to 5 times", how="", low=2, high=5,
               better="lower", unit=Unit.FACTOR, nothing=None)  # fmt: skip


@pytest.mark.parametrize(
    ("claim", "value", "low", "high", "word"),
    [
        (RISE, 0.40, 0.32, 0.46, Verdict.SHOWS),
        (RISE, 0.80, 0.60, 0.99, Verdict.SHOWS),  # beyond the range, in its favour
        (RISE, 0.40, 0.20, 0.60, Verdict.SUGGESTS),
        (RISE, 0.20, 0.10, 0.40, Verdict.NONE),  # might still reach it, and does not
        (RISE, 0.02, -0.01, 0.05, Verdict.NONE),
        (RISE, 0.20, -0.10, 0.50, Verdict.TOO_LITTLE),  # holds the claim and no change alike
        (RISE, 0.40, -0.10, 0.90, Verdict.TOO_LITTLE),
        (SAVING, -0.50, -0.55, -0.41, Verdict.SHOWS),
        (SAVING, -0.90, -0.95, -0.85, Verdict.SHOWS),
        (SAVING, -0.45, -0.55, -0.35, Verdict.SUGGESTS),
        (SAVING, -0.30, -0.38, -0.22, Verdict.NONE),
        (SAVING, 0.41, 0.33, 0.53, Verdict.NONE),
        (SAVING, -0.20, -0.45, 0.05, Verdict.TOO_LITTLE),
        (FACTOR, 4.9, 4.7, 5.1, Verdict.SUGGESTS),
        (FACTOR, 4.9, 4.7, 5.0, Verdict.SHOWS),
        (FACTOR, 7.0, 6.0, 8.0, Verdict.NONE),
    ],
)
def test_the_interval_decides_and_not_the_value_alone(
    claim: Claim, value: float, low: float, high: float, word: Verdict
) -> None:
    assert judged(claim, Measured(value, low, high), 100) is word


def test_few_queries_and_no_interval_say_nothing_whatever_the_value() -> None:
    assert judged(RISE, Measured(0.40, 0.32, 0.46), 19) is Verdict.TOO_LITTLE
    assert judged(RISE, Measured(0.40), 500) is Verdict.TOO_LITTLE


def test_what_could_not_be_measured_is_not_a_failure_of_the_claim() -> None:
    assert judged(RISE, Measured(None, reason="No."), 500) is Verdict.UNMEASURABLE


def test_a_saving_that_is_shown_to_cost_quality_is_not_the_saving_that_was_claimed() -> None:
    saved = Measured(-0.50, -0.55, -0.45)
    assert judged(SAVING, saved, 500, Measured(0.95, 0.92, 0.98)) is Verdict.NONE
    assert judged(SAVING, saved, 500, Measured(0.99, 0.96, 1.01)) is Verdict.SHOWS


@given(
    st.sampled_from(CLAIMS),
    st.lists(st.floats(-1, 6, allow_nan=False), min_size=3, max_size=3).map(sorted),
)
def test_shown_means_that_every_point_of_the_interval_reaches_the_claim(
    claim: Claim, ends: list[float]
) -> None:
    low, value, high = ends
    shown = judged(claim, Measured(value, low, high), 500) is Verdict.SHOWS
    assert shown <= all(claim.reached(x) for x in (low, value, high))


def test_every_claim_has_a_range_that_is_its_own_and_a_name_of_its_own() -> None:
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS) == 15
    assert all(claim.low <= claim.high and claim.how for claim in CLAIMS)
    assert all(claim.reached(claim.low) and claim.reached(claim.high) for claim in CLAIMS)


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (Unit.CHANGE, 0.311, "+31.1 %"),
        (Unit.CHANGE, -0.5, "−50.0 %"),
        (Unit.CHANGE, 0.0, "0.0 %"),
        (Unit.CHANGE, -0.0001, "0.0 %"),
        (Unit.SHARE, 0.9952, "99.5 %"),
        (Unit.FACTOR, 4.916, "4.92×"),
    ],
)
def test_figures_read_as_people_write_them(unit: Unit, value: float, text: str) -> None:
    assert unit.text(value) == text
