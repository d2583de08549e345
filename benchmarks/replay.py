"""Replaying a router at every threshold, exactly and at once, beside one threshold after another.

A loop would have to be run for every threshold at which anything changes; a few of them are run
here, and the time of one is taken for all. What the loop finds at those must be what the exact
replay says there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.peers.replay_loops import accuracy_by_cuts, best_of_five
from benchmarks.timing import Figures, Result, at_least, interleaved
from orchestra_kit.outcomes.steps import Steps, cheaper_as_prices_rise

__all__ = ["results"]

Floats = npt.NDArray[np.float64]

_QUERIES, _MODELS, _ROUNDS = 400_000, 5, 3
_LEAST = 50.0
_MEASURED = 2
"""Thresholds that a loop is run for in each round."""
_CUTS = 11
"""Thresholds of RouteLLM's own evaluation as it comes."""


def results(*, queries: int = _QUERIES, rounds: int = _ROUNDS) -> list[Result]:
    """All thresholds between two models, and all weights of cost among five.

    Raises RuntimeError where a loop and the exact replay disagree.
    """
    data = _Data.made(queries)
    works = {
        "all of two": lambda: _timed(lambda: data.between_two().quality),
        "all of five": lambda: _timed(lambda: data.among_five().quality),
        "cuts": lambda: _timed(data.by_cuts),
        "weights": lambda: _timed(data.by_weights),
    }
    two, five = data.between_two(), data.among_five()
    _agree(two, data.cuts, [score for score, _ in data.by_cuts()])
    _agree(five, data.weights, [score for score, _ in data.by_weights()])
    found = interleaved(works, rounds)
    seconds = {name: figures["seconds"] for name, figures in found.items()}
    pair = f"{queries:,} queries, 2 models, {len(two.thresholds):,} thresholds"
    many = f"{queries:,} queries, {_MODELS} models, {len(five.thresholds):,} thresholds"
    loop, plain = seconds["cuts"] / _MEASURED, seconds["weights"] / _MEASURED
    return [
        _line("every threshold between two models, beside RouteLLM's loop (written anew)",
              seconds["all of two"], loop, len(two.thresholds), pair),
        _line(f"the same, beside RouteLLM's loop at its own {_CUTS} thresholds only",
              seconds["all of two"], loop, _CUTS, pair, aimed=False),
        _line("every weight of cost among five models, beside a loop in pandas",
              seconds["all of five"], plain, len(five.thresholds), many),
        _line(f"the same, beside a loop in pandas over a grid of {_CUTS}",
              seconds["all of five"], plain, _CUTS, many, aimed=False),
    ]  # fmt: skip


@dataclass(frozen=True)
class _Data:
    """Made-up outcomes, with what a router expects of them."""

    scores: Floats
    costs: Floats
    worth: Floats
    cuts: Sequence[float]
    weights: Sequence[float]

    @classmethod
    def made(cls, queries: int) -> _Data:
        random = np.random.default_rng(7)
        ability, hard = np.linspace(0.4, 0.8, _MODELS), random.random((queries, 1))
        chance = np.clip(ability + 0.5 - hard, 0.02, 0.98)
        scores = (random.random(chance.shape) < chance).astype(np.float64)
        costs = 10.0 ** np.arange(-5, _MODELS - 5) * random.lognormal(0, 0.4, chance.shape)
        worth = np.clip(chance + random.normal(0, 0.1, chance.shape), 0, 1)
        gain = worth[:, -1] - worth[:, 0]
        cuts = np.quantile(gain, np.linspace(0.3, 0.6, _MEASURED)).tolist()
        return cls(scores, costs, worth, cuts, [1.0, 20.0][:_MEASURED])

    @property
    def gain(self) -> Floats:
        """What asking the strong model is expected to add."""
        return np.asarray(self.worth[:, -1] - self.worth[:, 0])

    def between_two(self) -> Steps:
        """The strong model up to each query's expected gain, the weak one beyond."""
        n = len(self.gain)
        every, two = np.arange(n), [0, _MODELS - 1]
        at = np.concatenate([np.full(n, -np.inf), np.nextafter(self.gain, np.inf)])
        node = np.repeat([1, 0], n)
        query = np.concatenate([every, every])
        return Steps.of(query, at, node, self.scores[:, two], self.costs[:, two])

    def among_five(self) -> Steps:
        """The model of highest worth less weighted price, at every weight."""
        changes = cheaper_as_prices_rise(self.worth, self.costs)
        return Steps.of(*changes, self.scores, self.costs)

    @cached_property
    def pair(self) -> pd.DataFrame:
        """The two models as the loop over cuts has them."""
        weak, strong = self.scores[:, 0], self.scores[:, -1]
        return pd.DataFrame({"win_rate": self.gain, "weak": weak, "strong": strong})

    @cached_property
    def frames(self) -> Sequence[pd.DataFrame]:
        """Worth, price and score as the loop over weights has them."""
        names = [f"model {k}" for k in range(_MODELS)]
        return [pd.DataFrame(t, columns=names) for t in (self.worth, self.costs, self.scores)]

    def by_cuts(self) -> Sequence[tuple[float, float]]:
        """What the loop finds at some thresholds between two."""
        return list(accuracy_by_cuts(self.pair, self.cuts))

    def by_weights(self) -> Sequence[tuple[float, float]]:
        """What the loop finds at some weights of cost."""
        return list(best_of_five(*self.frames, weights=self.weights))


def _timed(work: Callable[[], object]) -> Figures:
    began = time.process_time()
    work()
    return {"seconds": time.process_time() - began}


def _agree(steps: Steps, thresholds: Sequence[float], found: Sequence[float]) -> None:
    exact = [float(steps.quality[steps.place(each)]) for each in thresholds]
    if not np.allclose(exact, found, atol=1e-9):
        raise RuntimeError(f"the loop finds {found} where the exact replay says {exact}")


def _line(
    what: str, ours: float, each: float, thresholds: int, n: str, *, aimed: bool = True
) -> Result:
    ratio = each * thresholds / ours
    aim, met = at_least(ratio, _LEAST) if aimed else ("", None)
    floor = f"{each:.3f} s a threshold, so {each * thresholds:,.0f} s for {thresholds:,}"
    return Result(what, f"{ours:.2f} s for all", floor, ratio, aim, met, n)
