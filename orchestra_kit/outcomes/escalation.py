"""When to replace a cheap model's answer by a strong one's: every threshold on recorded answers.

Each query is first answered by the cheap model. Where the signal, the predicted quality of that
answer, lies below the threshold, the strong model answers too and its answer counts; the cheap
attempt is paid for all the same.

A threshold chosen on these queries looks better on them than it will on new ones: freeze it, and
judge it on answers that were not used to choose it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.core.answer import Source
from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.errors import TableError
from orchestra_kit.core.money import format_usd
from orchestra_kit.outcomes.statistics import Estimate, Evidence
from orchestra_kit.outcomes.success_signal import FEWEST, success_signal
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.outcomes.threshold_sweep import lift_over_chance, sweep

__all__ = ["Escalation", "OperatingPoint"]


@dataclass(frozen=True, slots=True)
class OperatingPoint(Shown):
    """What one threshold means for the queries of the sweep."""

    threshold: float
    """Answers with a signal below it are escalated."""
    escalated: int
    share_escalated: float
    quality: Estimate
    cost: Estimate | None
    """Mean dollars a request, with the cheap attempts; None where a cost is unknown."""
    against_cheap: Estimate
    """Quality minus that of always asking the cheap model."""
    against_strong: Estimate
    """Quality minus that of always asking the strong model."""

    @property
    def loss(self) -> Evidence:
        """Whether quality is shown to be below that of always asking the strong model."""
        if self.against_strong.high is None:
            return Evidence.TOO_LITTLE
        return Evidence.SHOWS if self.against_strong.high < 0 else Evidence.NONE


@dataclass(frozen=True, eq=False)
class Escalation:
    """A cheap model, a strong model, and what every threshold between them means.

    ::

        escalation = Escalation.of(outcomes, "small", "large")
        escalation.at(0.6).quality
    """

    cheap: str
    strong: str
    frame: pd.DataFrame
    """One row a threshold, as `threshold_sweep.sweep` returns it."""
    n: int
    """Queries that both models answered and that were scored."""
    left_out: int
    """Queries of the two models that were not."""
    lift: Estimate
    """How much better the signal escalates than chance, in quality, on average over all that could
    be spent (`lift_over_chance`); at equal shares where a cost is unknown."""
    cheap_cost: float | None
    """Mean dollars a request of always asking the cheap model; None where unknown."""
    strong_cost: float | None
    source: Source

    @classmethod
    def of(
        cls,
        outcomes: Outcomes,
        cheap: str | None = None,
        strong: str | None = None,
        *,
        learn_from: Outcomes | None = None,
        seed: int = 0,
    ) -> Escalation:
        """The sweep over recorded answers, with the signal of `success_signal`.

        The strong model is by default the one with the highest mean score and the cheap one the
        cheapest of the others. The signal is out of fold, or learnt from other outcomes alone:
        `learn_from` is for judging a threshold that was chosen on those. Raises TableError where
        the models are unknown or the same, the costs that would choose them are unknown, too few
        queries have both answers, or a prompt to be judged is among those learnt from.
        """
        cheap, strong = _chosen(outcomes, cheap, strong)
        first, second, left_out = _paired(outcomes, cheap, strong)
        scores = [part["score"].to_numpy(dtype=np.float64) for part in (first, second)]
        costs = [part["cost_usd"].to_numpy(dtype=np.float64) for part in (first, second)]
        signal = _signal(first, cheap, learn_from, seed)
        known = all(np.isfinite(part).all() for part in costs)
        return cls(
            cheap=cheap,
            strong=strong,
            frame=sweep(scores[0], scores[1], signal, costs[0], costs[1], seed=seed),
            n=len(first),
            left_out=left_out,
            lift=lift_over_chance(
                scores[0], scores[1], signal, costs[1] if known else None, seed=seed
            ),
            cheap_cost=float(costs[0].mean()) if known else None,
            strong_cost=float(costs[1].mean()) if known else None,
            source=outcomes.source,
        )

    @property
    def span(self) -> tuple[float, float]:
        """The thresholds, rounded outwards to hundredths, between which anything changes."""
        own = self.frame["threshold"]
        least = float(own.iloc[1])
        return math.floor(100 * least) / 100, math.ceil(100 * float(own.iloc[-1])) / 100

    def at(self, threshold: float) -> OperatingPoint:
        """Quality, cost and share of escalated queries at a threshold."""
        own = self.frame["threshold"].to_numpy(dtype=np.float64)
        place = max(0, int(np.searchsorted(own, threshold, side="right")) - 1)
        return self._point(place, threshold)

    def at_share(self, share: float) -> OperatingPoint:
        """The first threshold that escalates at least this share (0-1) of the queries."""
        shares = self.frame["share_escalated"].to_numpy(dtype=np.float64)
        place = min(int(np.searchsorted(shares, share - 1e-12)), len(shares) - 1)
        return self._point(place, float(self.frame["threshold"].iloc[place]))

    @property
    def never(self) -> OperatingPoint:
        """Always the cheap model."""
        return self._point(0, float(self.frame["threshold"].iloc[0]))

    @property
    def always(self) -> OperatingPoint:
        """The strong model's answer every time, after a cheap attempt that is paid for."""
        return self._point(len(self.frame) - 1, float(self.frame["threshold"].iloc[-1]))

    def finding(self) -> str:
        """Whether the signal is worth anything, in one sentence that the data support."""
        low, high = self.lift.bounds
        equal = "shares" if self.strong_cost is None else "cost"
        if low > 0:
            return (
                f"The signal is shown to escalate better than chance: {_signed(self.lift.value)} "
                f"quality at equal {equal}, on average ({low:.3f} to {high:.3f})"
            )
        if high < 0:
            return "The signal is shown to escalate worse than chance"
        return "No evidence that the signal escalates better than chance"

    def sentence(self, point: OperatingPoint) -> str:
        """What a threshold costs and loses against always asking the strong model."""
        gap = point.against_strong
        low, high = gap.bounds
        evidence = {
            Evidence.SHOWS: f"shows a loss of {_signed(-gap.value, '')} "
            f"({_signed(-high, '')} to {_signed(-low, '')})",
            Evidence.NONE: f"no evidence of a loss ({_signed(gap.value)}, "
            f"{_signed(low)} to {_signed(high)})",
            Evidence.TOO_LITTLE: "not enough data to tell a loss",
            Evidence.SUGGESTS: "",
        }[point.loss]
        cost = "its cost unknown"
        if point.cost is not None and self.strong_cost:
            cost = f"at {point.cost.value / self.strong_cost:.0%} of its cost"
        return f"Against always asking {self.strong}: {evidence}, {cost}."

    def table(self, point: OperatingPoint) -> Table:
        """A threshold beside always asking the one model or the other."""
        strong = None if self.strong_cost is None else format_usd(1_000 * self.strong_cost)
        rows = [
            _row("at this threshold", point),
            _row(f"always {self.cheap}", self.never),
            (f"always {self.strong}", "–", _quality(self.always.quality), strong or "unknown"),
        ]
        columns = ("", "escalated", "quality (95 % interval)", "cost of 1,000 requests")
        return Table(columns, rows, right=frozenset(columns[1:]))

    def __repr__(self) -> str:
        return (
            f"escalation from {self.cheap} to {self.strong}: {len(self.frame):,} thresholds over "
            f"{self.n:,} {self.source.value} queries"
        )

    def _point(self, place: int, threshold: float) -> OperatingPoint:
        row = self.frame.iloc[place]
        return OperatingPoint(
            threshold=threshold,
            escalated=int(row["escalated"]),
            share_escalated=float(row["share_escalated"]),
            quality=_estimate(row, "quality", self.n),
            cost=None if self.cheap_cost is None else _estimate(row, "cost", self.n),
            against_cheap=_estimate(row, "against_cheap", self.n),
            against_strong=_estimate(row, "against_strong", self.n),
        )


def _signed(value: float, plus: str = "+") -> str:
    """Three decimals with a sign, but none for what rounds to nothing."""
    rounded = round(value, 3)
    sign = plus if rounded > 0 else "−" if rounded < 0 else ""
    return f"{sign}{abs(rounded):.3f}"


def _row(name: str, point: OperatingPoint) -> tuple[str, str, str, str]:
    cost = "unknown"
    if point.cost is not None:
        low, high = (format_usd(1_000 * end).removeprefix("$") for end in point.cost.bounds)
        cost = f"{format_usd(1_000 * point.cost.value)} ({low} to {high})"
    return name, f"{point.share_escalated:.0%}", _quality(point.quality), cost


def _quality(estimate: Estimate) -> str:
    return estimate.format(3)


def _estimate(row: pd.Series[float], name: str, n: int) -> Estimate:
    low, high = float(row[f"{name}_low"]), float(row[f"{name}_high"])
    if math.isnan(low):
        return Estimate(float(row[name]), None, None, n)
    return Estimate(float(row[name]), low, high, n)


def _signal(
    part: pd.DataFrame, cheap: str, learn_from: Outcomes | None, seed: int
) -> npt.NDArray[np.float64]:
    if learn_from is None:
        return success_signal(part, seed=seed)
    known = learn_from.filter(models=[cheap]).frame
    try:
        return success_signal(part, learn_from=known[known["score"].notna()], seed=seed)
    except ValueError as error:
        raise TableError(f"Nothing can be learnt for {cheap}: {error}.") from error


def _chosen(outcomes: Outcomes, cheap: str | None, strong: str | None) -> tuple[str, str]:
    for name in (cheap, strong):
        if name is not None and name not in outcomes.models:
            known = ", ".join(sorted(outcomes.models)[:12])
            raise TableError(f"The outcomes have no model “{name}”; they have {known}.")
    means = outcomes.frame.groupby("model", sort=False)[["score", "cost_usd"]].mean()
    if strong is None:
        others = means.drop(index=[cheap] if cheap else [])["score"].dropna()
        if others.empty:
            raise TableError("There is no scored model to escalate to.")
        strong = str(others.idxmax())
    if cheap is None:
        prices = means.drop(index=strong)["cost_usd"].dropna()
        if prices.empty:
            hint = "Name the cheap model and the strong one."
            raise TableError("No cost is known that would tell which model is cheap.", hint=hint)
        cheap = str(prices.idxmin())
    if cheap == strong:
        raise TableError(f"“{cheap}” cannot be escalated to itself; name two models.")
    return cheap, strong


def _paired(outcomes: Outcomes, cheap: str, strong: str) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """The two models' rows for the queries that both have a score for, in the same order."""
    key = ["dataset", "query_id"]
    frame = outcomes.filter(models=[cheap, strong]).frame
    scored = frame[frame["score"].notna()]
    first, second = (scored[scored["model"] == name].set_index(key) for name in (cheap, strong))
    shared = first.index.intersection(second.index, sort=False)
    if len(shared) < FEWEST:
        raise TableError(
            f"Only {len(shared)} queries have a score of both {cheap} and {strong}; "
            f"at least {FEWEST} are needed."
        )
    left_out = frame[key].drop_duplicates().shape[0] - len(shared)
    return first.loc[shared].reset_index(), second.loc[shared].reset_index(), left_out
