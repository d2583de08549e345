"""Two runs of a suite compared in pairs, scenario by scenario.

Epochs of a scenario are averaged first, so that the scenario is the unit. Behaviour is compared
with McNemar's exact test, figures with a sign-flip permutation test of the mean difference; the
p-values are corrected together by Holm. Verdict words are fixed: *shows* (corrected p < 0.05),
*suggests* (p < 0.05 before the correction only), *no evidence*, *not enough data*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.stats import binomtest, norm

from orchestra_kit.bench.run import Run
from orchestra_kit.bench.scenario import Outcome
from orchestra_kit.bench.verdicts import ScenarioResult
from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.errors import BenchError
from orchestra_kit.core.money import format_usd
from orchestra_kit.outcomes.statistics import Estimate, Evidence, holm, judge, mean_estimate

__all__ = ["Comparison", "Difference", "compare", "mcnemar", "sign_flip"]

_FEWEST = 6
"""Pairs below which no sign-flip test can reach 0.05 on two sides: 2 / 2^5 = 0.0625."""
_COVERAGE = 0.8
"""Share of the answered scenarios that must have the figure on both sides."""
_POWER_FACTOR = 2.8
"""z(0.975) + z(0.80): the effect, in standard errors, that is found in 80 % of repetitions."""
_ENUMERATED = 14
_FLIPS = 20_000
_FLIP_SEED = 20_261_123


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference(Shown):
    """One figure in two runs: candidate minus baseline, over paired scenarios."""

    name: str
    """``behaviour`` (share that behaved as expected), ``quality``, ``latency`` or ``cost``."""
    baseline: float | None
    candidate: float | None
    difference: Estimate | None
    """Mean over scenarios with its 95 % interval; None without pairs."""
    n: int
    """Paired scenarios."""
    p: float | None = None
    """Two-sided, exact or by permutation; None where there is not enough data."""
    p_corrected: float | None = None
    test: str = ""
    smallest_visible: float | None = None
    """The difference that this many pairs would find with a power of 80 %; None if unknown."""
    verdict: Evidence = Evidence.TOO_LITTLE
    reason: str = ""

    @property
    def better(self) -> bool | None:
        """Whether the candidate's figure is the better one; None where they are alike."""
        if self.difference is None or self.difference.value == 0:
            return None
        return (self.difference.value > 0) == (self.name in {"behaviour", "quality"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Shown):
    """A candidate run against a baseline."""

    _hidden: ClassVar[frozenset[str]] = frozenset({"differences"})

    candidate: str
    """Policy and hash."""
    baseline: str
    source: str
    shared: int
    """Scenarios that both runs hold, unchanged."""
    left_out: tuple[str, ...]
    """Scenarios that only one run holds, or that were edited between the two."""
    changed: tuple[str, ...]
    """Shared scenarios that behaved in one run only: + in the candidate, - in the baseline."""
    differences: tuple[Difference, ...]

    def difference(self, name: str) -> Difference:
        """The difference of that name; raises KeyError for others."""
        for difference in self.differences:
            if difference.name == name:
                return difference
        raise KeyError(name)

    def sentence(self) -> str:
        """What was compared, in one sentence."""
        left = f" ({len(self.left_out)} left out)" if self.left_out else ""
        tests = sum(d.p is not None for d in self.differences)
        return (
            f"{self.candidate} against {self.baseline}, {self.source}, {self.shared} shared "
            f"scenarios{left}; 95 % intervals, p corrected for {tests} tests by Holm"
        )

    def table(self) -> Table:
        """One row a figure."""
        return Table(
            (
                "figure",
                "baseline",
                "candidate",
                "difference",
                "95 % interval",
                "n",
                "p",
                "finds from",
                "verdict",
            ),
            [_row(difference) for difference in self.differences],
            title=self.sentence(),
            right=frozenset(
                {"baseline", "candidate", "difference", "95 % interval", "n", "p", "finds from"}
            ),
        )


def compare(candidate: Run, baseline: Run) -> Comparison:
    """The candidate against the baseline.

    Raises BenchError where they come from different sources or share no unchanged scenario.
    """
    if candidate.source is not baseline.source:
        raise BenchError(
            f"a {candidate.source.value} run cannot be compared with a "
            f"{baseline.source.value} one.",
            hint="Run both on the same backend.",
        )
    before = {result.scenario.id: result for result in baseline.results if result.cells}
    after = {result.scenario.id: result for result in candidate.results if result.cells}
    pairs = [
        (after[name], before[name])
        for name in after
        if name in before and after[name].scenario.digest == before[name].scenario.digest
    ]
    if not pairs:
        raise BenchError(
            "the two runs share no unchanged scenario.", hint="Run both on the same suite."
        )
    kept = {result.scenario.id for result, _ in pairs}
    differences = [_behaviour(pairs), *(_figure(n, pairs) for n in ("quality", "latency", "cost"))]
    return Comparison(
        candidate=f"{candidate.policy} {candidate.policy_hash}",
        baseline=f"{baseline.policy} {baseline.policy_hash}",
        source=candidate.source.value,
        shared=len(pairs),
        left_out=tuple(sorted((before.keys() | after.keys()) - kept)),
        changed=tuple(
            f"{'+' if new.holds else '-'}{new.scenario.id}"
            for new, old in pairs
            if new.holds != old.holds
        ),
        differences=tuple(_judged(differences)),
    )


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided exact p of McNemar's test: `gained` and `lost` are the discordant pairs."""
    if gained + lost == 0:
        return 1.0
    return float(binomtest(gained, gained + lost, 0.5).pvalue)


def sign_flip(differences: Sequence[float]) -> float:
    """Two-sided p of the mean difference when the sign of every pair could as well be the other.

    Exact up to 14 pairs that differ; above, 20,000 random flips with a fixed seed, counting the
    observed one (Phipson and Smyth 2010), so that p is never 0.
    """
    values = np.asarray([d for d in differences if d != 0], dtype=float)
    if values.size == 0:
        return 1.0
    observed = abs(values.sum()) * (1 - 1e-12)
    if values.size <= _ENUMERATED:
        codes = np.arange(2**values.size)[:, None] >> np.arange(values.size) & 1
        return float(np.mean(np.abs((1 - 2 * codes) @ values) >= observed))
    signs = np.random.default_rng(_FLIP_SEED).integers(0, 2, size=(_FLIPS, values.size)) * 2 - 1
    extreme = int(np.sum(np.abs(signs @ values) >= observed))
    return (extreme + 1) / (_FLIPS + 1)


def _behaviour(pairs: Sequence[tuple[ScenarioResult, ScenarioResult]]) -> Difference:
    n = len(pairs)
    gained = sum(new.holds and not old.holds for new, old in pairs)
    lost = sum(old.holds and not new.holds for new, old in pairs)
    return Difference(
        name="behaviour",
        baseline=sum(old.holds for _, old in pairs) / n,
        candidate=sum(new.holds for new, _ in pairs) / n,
        difference=_matched_proportions(gained, lost, n),
        n=n,
        p=mcnemar(gained, lost) if n >= _FEWEST else None,
        test="McNemar, exact",
        # Six changes, all in one direction, are the fewest that the exact test calls significant.
        smallest_visible=_FEWEST / n if n >= _FEWEST else None,
        reason="" if n >= _FEWEST else _too_few(n),
    )


def _matched_proportions(gained: int, lost: int, n: int) -> Estimate:
    """Difference of paired proportions, interval by Agresti and Min (2005): half an observation
    is added to each cell of the table, which keeps its coverage at small n."""
    b, c, m = gained + 0.5, lost + 0.5, n + 2
    centre = (b - c) / m
    half = float(norm.ppf(0.975)) * float(np.sqrt((b + c) - (b - c) ** 2 / m)) / m
    low, high = max(-1.0, centre - half), min(1.0, centre + half)
    return Estimate(value=(gained - lost) / n, low=low, high=high, n=n)


def _figure(name: str, pairs: Sequence[tuple[ScenarioResult, ScenarioResult]]) -> Difference:
    answered = [pair for pair in pairs if any(_answered(result) for result in pair)]
    found = [(new.figure(name), old.figure(name)) for new, old in answered]
    both = [(new, old) for new, old in found if new is not None and old is not None]
    n = len(both)
    if not both:
        return Difference(
            name=name, baseline=None, candidate=None, difference=None, n=0, reason=_too_few(0)
        )
    gaps = [new - old for new, old in both]
    spread = float(np.std(gaps, ddof=1)) if n > 1 else 0.0
    reason = ""
    if n < _FEWEST:
        reason = _too_few(n)
    elif n < _COVERAGE * len(answered):
        reason = f"only {n} of {len(answered)} answered scenarios have it in both runs"
    return Difference(
        name=name,
        baseline=sum(old for _, old in both) / n,
        candidate=sum(new for new, _ in both) / n,
        difference=mean_estimate(gaps),
        n=n,
        p=None if reason else sign_flip(gaps),
        test="sign-flip permutation",
        smallest_visible=_POWER_FACTOR * spread / n**0.5 if spread and not reason else None,
        reason=reason,
    )


def _answered(result: ScenarioResult) -> bool:
    return any(cell.outcome is Outcome.ANSWERED for cell in result.cells)


def _too_few(n: int) -> str:
    return f"{n} pairs; at least {_FEWEST} are needed"


def _judged(differences: Sequence[Difference]) -> list[Difference]:
    """Corrects the p-values of the tests that could be made together, and finds the words."""
    p_values = [d.p for d in differences if d.p is not None]
    corrected = iter(holm(p_values).tolist())
    judged = []
    for d in differences:
        p = None if d.p is None else next(corrected)
        judged.append(replace(d, p_corrected=p, verdict=judge(d.p, p)))
    return judged


def _row(d: Difference) -> tuple[object, ...]:
    verdict = d.verdict.value
    if d.verdict in {Evidence.SHOWS, Evidence.SUGGESTS} and d.better is not None:
        verdict = f"{verdict} {'better' if d.better else 'worse'}"
    estimate = d.difference
    known = estimate is not None and estimate.low is not None and estimate.high is not None
    return (
        d.name,
        _show(d.name, d.baseline),
        _show(d.name, d.candidate),
        _show(d.name, estimate.value if estimate else None, sign=True),
        f"{_show(d.name, estimate.low, sign=True)} to {_show(d.name, estimate.high, sign=True)}"
        if estimate is not None and known
        else "not enough data",
        d.n,
        "" if d.p_corrected is None else f"{d.p_corrected:.2g}",
        "" if d.smallest_visible is None else _show(d.name, d.smallest_visible),
        verdict if not d.reason else f"{verdict} ({d.reason})",
    )


def _show(name: str, value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return ""
    plus = "+" if sign and value > 0 else ""
    if name == "cost":
        return plus + format_usd(value)
    if name == "behaviour":
        return f"{plus}{value:.0%}"
    return plus + (f"{value:.2f} s" if name == "latency" else f"{value:.3f}")
