"""One figure of a policy held against recorded answers: what was asked, what was measured, how the
two compare."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t

from orchestra_kit.core.display import Shown
from orchestra_kit.core.money import format_usd
from orchestra_kit.outcomes.skewed_mean import skewed_mean
from orchestra_kit.outcomes.statistics import (
    LEVEL,
    Estimate,
    clustered_mean,
    holm,
    mean_score,
    quantile,
)
from orchestra_kit.policy.capabilities import Capability
from orchestra_kit.policy.prices import PriceBook
from orchestra_kit.policy.schema import Criteria

__all__ = ["Check", "Figure", "Verdict", "corrected", "expectations", "targets"]

Figure = Literal["quality", "p90 latency", "cost", "p50 latency", "price"]

_UNITS: dict[Figure, str] = {"quality": "", "p90 latency": " s", "p50 latency": " s"}
_SAME_PRICE = 0.01
"""Relative difference of cost below which a price book is right: amounts are rounded."""

_STEPS, _LEAST = 12, 1e-9
"""A p is found in so many halvings, to half a percent of itself, and is never given smaller."""

_Interval = Callable[[float], Estimate | None]
"""The measured figure with its interval at a level."""


class Verdict(StrEnum):
    """How a measurement compares with what was stated; the first two and the last two speak of
    what is shown at 95 % after the correction for all that was checked with it."""

    MEETS = "meets"
    MISSES = "misses"
    TOO_LITTLE = "not enough data"
    UNKNOWN = "not measured"
    AS_EXPECTED = "no evidence of a difference"
    BETTER = "better than expected"
    WORSE = "worse than expected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Shown):
    """A figure that a policy states for a deployment at a task, and its measurement."""

    deployment: str
    model: str
    task: str
    in_use: bool
    """Whether the policy sends the task there."""
    figure: Figure
    kind: Literal["target", "expectation"]
    stated: float
    """Quality 0-1, seconds, or mean dollars a request."""
    measured: Estimate | None
    """None where it is not known."""
    p: float | None
    """Two-sided, for no difference; None where none can be shown."""
    verdict: Verdict
    suggested: Verdict | None = None
    """What p alone, without the correction, would have said."""

    @property
    def good(self) -> bool | None:
        """Whether the measured value is on the good side; None where it is unknown or equal."""
        if self.measured is None or self.measured.value == self.stated:
            return None
        return (self.measured.value > self.stated) == (self.figure == "quality")

    def words(self) -> str:
        """Measured, stated and verdict in a few words."""
        hint = f" (the data suggest: {self.suggested.value})" if self.suggested else ""
        return f"{self.seen()}, {self.limit()}: {self.verdict.value}{hint}"

    def limit(self) -> str:
        """What was stated, as a limit or an expectation."""
        if self.kind == "expectation":
            return f"expected {self.stated_text()}"
        return f"at {'least' if self.figure == 'quality' else 'most'} {self.stated_text()}"

    def stated_text(self) -> str:
        """What was stated, with its unit."""
        return self._text(self.stated)

    def seen(self) -> str:
        """The measured value with its interval, an end that is not known as a question mark."""
        if self.measured is None:
            return "unknown"
        low, high = (
            "?" if end is None else self._text(end)
            for end in (self.measured.low, self.measured.high)
        )
        return f"{self._text(self.measured.value)} ({low} to {high})"

    def _text(self, value: float) -> str:
        if self.figure in ("cost", "price"):
            return format_usd(value)
        return f"{value:.2f}" if self.figure == "quality" else f"{value:.3g}{_UNITS[self.figure]}"


def targets(rows: pd.DataFrame, must: Criteria, blank: Check) -> list[Check]:
    """The criteria of a task held against the answers of one model, each with its ``cluster``.

    `blank` names the deployment and the task. Latency is tested by the order statistics that hold
    its 90 % quantile, one end of which is enough.
    """
    answers = _Answers(rows)
    wanted: tuple[tuple[Figure, float, _Interval], ...] = (
        ("quality", must.quality, answers.quality),
        ("p90 latency", must.p90_latency, lambda level: answers.seconds(0.9, level)),
        ("cost", float(must.cost), answers.cost),
    )
    return [
        _checked(replace(blank, figure=figure, kind="target", stated=stated), at)
        for figure, stated, at in wanted
    ]


def expectations(
    rows: pd.DataFrame, expected: Capability | None, prices: PriceBook, blank: Check
) -> list[Check]:
    """What the policy's capabilities and prices say, held against the answers of one model.

    The expected quality brings its own interval, which is joined to the measured one (MOVER: Zou
    and Donner, "Construction of confidence limits about effect measures", Statistics in Medicine
    27, 2008); the expected median is taken to be as uncertain as the measured one, by their n.
    The price is what the recorded tokens cost by the price book of the day.
    """
    found = []
    if expected is not None:
        kind = replace(blank, kind="expectation")
        answers = _Answers(rows)
        check = replace(kind, figure="quality", stated=expected.quality)
        check = _checked(check, lambda level: _apart(answers, expected, level))
        # The interval shown is that of the measurement alone.
        found.append(replace(check, measured=answers.quality(LEVEL)))
        check = replace(kind, figure="p50 latency", stated=expected.p50)
        check = _checked(check, lambda level: _median_apart(answers, expected, level))
        found.append(replace(check, measured=answers.seconds(0.5, LEVEL)))
    price = _price(rows, prices, blank)
    return [*found, price] if price is not None else found


def corrected(checks: list[Check]) -> list[Check]:
    """The checks with their verdicts after Holm's correction (1979) for all of them."""
    tested = [place for place, check in enumerate(checks) if check.p is not None]
    p = holm([float(checks[place].p or 0.0) for place in tested])
    found = list(checks)
    for place, value in zip(tested, p, strict=True):
        check = checks[place]
        alone = _verdict(check, float(check.p or 0.0))
        after = _verdict(check, float(value))
        found[place] = replace(
            check, verdict=after, suggested=alone if alone is not after else None
        )
    return found


def _checked(check: Check, at: _Interval) -> Check:
    """The check with its measurement, and the p of its difference from what was stated."""
    measured = at(LEVEL)
    if measured is None:
        return replace(check, measured=None, p=None, verdict=Verdict.UNKNOWN)
    if measured.low is None and measured.high is None:
        return replace(check, measured=measured, p=None, verdict=Verdict.TOO_LITTLE)
    p = _p_value(at, check.stated)
    return replace(
        check, measured=measured, p=p, verdict=_verdict(replace(check, measured=measured), p)
    )


def _p_value(at: _Interval, stated: float) -> float:
    """The largest share outside an interval at which it still holds what was stated."""
    edge = 1 - LEVEL
    least, most = (edge, 1.0) if _holds(at(1 - edge), stated) else (_LEAST, edge)
    for _ in range(_STEPS):
        middle = math.sqrt(least * most)
        if _holds(at(1 - middle), stated):
            least = middle
        else:
            most = middle
    return least


def _holds(estimate: Estimate | None, value: float) -> bool:
    if estimate is None:
        return True
    low = -math.inf if estimate.low is None else estimate.low
    high = math.inf if estimate.high is None else estimate.high
    return low <= value <= high


def _verdict(check: Check, p: float) -> Verdict:
    target = check.kind == "target"
    if p >= 1 - LEVEL or check.good is None:
        return Verdict.TOO_LITTLE if target else Verdict.AS_EXPECTED
    if check.good:
        return Verdict.MEETS if target else Verdict.BETTER
    return Verdict.MISSES if target else Verdict.WORSE


class _Answers:
    """The columns of rows as plain arrays: each is looked at for many levels."""

    def __init__(self, rows: pd.DataFrame) -> None:
        clusters = rows["cluster"].to_numpy()
        self._scores = _known(rows["score"], clusters)
        self._seconds = _known(rows["latency_s"], clusters)
        costs = _known(rows["cost_usd"], clusters)
        # A mean of costs some of which are unknown is unknown.
        self._costs = costs if len(costs[0]) == len(rows) else (costs[0][:0], costs[1][:0])

    def quality(self, level: float) -> Estimate | None:
        scores, clusters = self._scores
        return mean_score(scores, clusters, level=level) if len(scores) else None

    def cost(self, level: float) -> Estimate | None:
        costs, clusters = self._costs
        return skewed_mean(costs, clusters, level=level) if len(costs) else None

    def seconds(self, q: float, level: float) -> Estimate | None:
        seconds, clusters = self._seconds
        if not len(seconds):
            return None
        return quantile(seconds, q, clusters, level=level, one_sided=True)


def _known(
    values: pd.Series[float], clusters: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    numbers: npt.NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    known = np.isfinite(numbers)
    return np.asarray(numbers[known], dtype=np.float64), clusters[known]


def _apart(answers: _Answers, expected: Capability, level: float) -> Estimate | None:
    """The measured quality, its interval widened by that of what was expected."""
    measured = answers.quality(level)
    if measured is None or measured.low is None or measured.high is None:
        return measured
    # The file states 95 %; other levels reach further in the ratio of Student's quantiles.
    freedom = max(1, expected.n - 1)
    ratio = float(t.ppf((1 + level) / 2, freedom) / t.ppf((1 + LEVEL) / 2, freedom))
    up = (expected.quality_high - expected.quality) * ratio
    down = (expected.quality - expected.quality_low) * ratio
    low = measured.value - math.hypot(measured.value - measured.low, up)
    high = measured.value + math.hypot(measured.high - measured.value, down)
    return Estimate(measured.value, low, high, measured.n)


def _median_apart(answers: _Answers, expected: Capability, level: float) -> Estimate | None:
    measured = answers.seconds(0.5, level)
    if measured is None or measured.low is None or measured.high is None:
        return None if measured is None else Estimate(measured.value, None, None, measured.n)
    wider = math.sqrt(1 + measured.n / expected.n)
    low = measured.value - (measured.value - measured.low) * wider
    high = measured.value + (measured.high - measured.value) * wider
    return Estimate(measured.value, low, high, measured.n)


def _price(rows: pd.DataFrame, prices: PriceBook, blank: Check) -> Check | None:
    """The recorded cost against the price book; None where either does not say."""
    needed = ["cost_usd", "input_tokens", "output_tokens"]
    if rows.empty or rows[needed].isna().any(axis=None):
        return None
    days = _days(rows)
    if days is None:
        return None
    stated = np.zeros(len(rows))
    for day in set(days):
        price = prices.price(blank.model, day)
        if price is None or price.input is None or price.output is None or price.above:
            return None
        today = np.asarray([other == day for other in days])
        by_book = rows["input_tokens"] * float(price.input) + rows["output_tokens"] * float(
            price.output
        )
        stated[today] = by_book.to_numpy()[today] / 1e6
    mean, book = float(rows["cost_usd"].mean()), float(stated.mean())
    gaps = rows["cost_usd"].to_numpy() - stated

    def at(level: float) -> Estimate:
        gap = clustered_mean(gaps, rows["cluster"], level=level)
        low = None if gap.low is None else book + gap.low
        high = None if gap.high is None else book + gap.high
        return Estimate(mean, low, high, gap.n)

    check = replace(blank, figure="price", kind="expectation", stated=book)
    if book > 0 and abs(mean / book - 1) <= _SAME_PRICE:
        return replace(check, measured=at(LEVEL), p=1.0, verdict=Verdict.AS_EXPECTED)
    return _checked(check, at)


def _days(rows: pd.DataFrame) -> list[date] | None:
    if "recorded_at" not in rows or rows["recorded_at"].isna().any():
        return None
    return [moment.date() for moment in rows["recorded_at"]]
