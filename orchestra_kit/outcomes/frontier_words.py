"""How a point of a frontier reads: its verdict, a sentence, a row of the table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from orchestra_kit.core.money import format_usd
from orchestra_kit.outcomes.frontier_point import FrontierPoint
from orchestra_kit.outcomes.statistics import Estimate, Evidence

__all__ = ["COLUMNS", "dollars", "flat", "row", "sentence", "verdict"]

COLUMNS = (
    "quality (95 % interval)", "against {}", "cost of 1,000 queries", "latency", "unbeaten",
    "what is shown",
)  # fmt: skip
"""Columns after the name; the braces are for the best single model."""


def verdict(point: FrontierPoint, best: str) -> str:
    """What is shown of a point beside the best single model, in few words."""
    if point.name == best:
        return "the best single model"
    if not point.single and point.always:
        return f"asks {point.always} for every query"
    side = "better" if point.against_best.value > 0 else "worse"
    return {
        Evidence.SHOWS: f"shown {side} than {best}",
        Evidence.SUGGESTS: f"the data suggest that it is {side} than {best}",
        Evidence.NONE: f"no evidence of a difference from {best}",
        Evidence.TOO_LITTLE: "not enough data",
    }[point.evidence]


def sentence(point: FrontierPoint, best: str, n: int) -> str:
    """A point beside always asking the best single model, over n queries in all."""
    name = f"always asking {point.name}" if point.single else point.name
    name, rival = name[:1].lower() + name[1:], f"always asking {best}"
    some = "" if point.whole else f" on the {point.quality.n:,} of {n:,} queries that are known"
    if point.always and not point.single:
        return f"{_begun(name)} asks {point.always} for every query{some}"
    gap = point.against_best
    figures = f"{_gap(gap)[0]} quality {_gap(gap)[1]}".rstrip()
    side = "better" if gap.value > 0 else "worse"
    cost = ""
    if point.relative_cost is not None:
        cost = f", at {point.relative_cost:.0%} of its cost"
    return {
        Evidence.SHOWS: f"{_begun(name)} is shown {side} than {rival}{some}: {figures}",
        Evidence.SUGGESTS: f"The data suggest that {name} is {side} than {rival}{some}: {figures}",
        Evidence.NONE: f"No evidence that {name} differs in quality from {rival}{some}: {figures}",
        Evidence.TOO_LITTLE: f"There are not enough data to tell {name} from {rival}{some}",
    }[point.evidence] + cost


def row(point: FrontierPoint, best: str) -> Sequence[str]:
    """A point in the table: its name, then what `COLUMNS` say."""
    part = "" if point.whole else f", {point.quality.n:,} queries"
    return (
        point.name + part,
        point.quality.format(3),
        "–" if point.name == best else " ".join(_gap(point.against_best)).rstrip(),
        dollars(point.cost),
        "unknown" if point.latency is None else f"{point.latency.value:.3g} s",
        "yes" if point.unbeaten else "–",
        verdict(point, best),
    )


def dollars(cost: Estimate | None) -> str:
    """What 1,000 queries cost, with its interval."""
    if cost is None:
        return "unknown"
    value = format_usd(1_000 * cost.value)
    if cost.low is None or cost.high is None:
        return value
    low, high = (format_usd(1_000 * end).removeprefix("$") for end in (cost.low, cost.high))
    return f"{value} ({low} to {high})"


def flat(point: FrontierPoint) -> dict[str, object]:
    """A point in the columns of a curve's frame, with its name."""
    found: dict[str, object] = {"name": point.name, "at": math.nan}
    for name in ("quality", "cost", "latency"):
        estimate: Estimate | None = getattr(point, name)
        low, high = estimate.bounds if estimate else (math.nan, math.nan)
        value = estimate.value if estimate else math.nan
        found |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return found


def _gap(gap: Estimate) -> tuple[str, str]:
    """A difference and its interval."""
    low, high = gap.bounds
    return _signed(gap.value), "" if math.isnan(low) else f"({_signed(low)} to {_signed(high)})"


def _signed(value: float) -> str:
    """Three decimals with a sign, but none for what rounds to nothing."""
    rounded = round(value, 3)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
    return f"{sign}{abs(rounded):.3f}"


def _begun(name: str) -> str:
    return name[:1].upper() + name[1:]
