"""Who spent what: cost by task, model, feature and tier, with what could not be priced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

__all__ = ["Spend", "attribute", "total_spend"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """Money, with its uncertainty stated: known, possible beside it, and not priced."""

    known: float
    """Dollars of attempts with a known price."""
    possible: float
    """Dollars that attempts whose answer was never seen may have cost at most, beside `known`."""
    unknown: int
    """Attempts that were or may have been billed and have neither a cost nor an upper bound."""
    attempts: int
    """Attempts that were sent."""


def attribute(attempts: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Cost of the attempts that were sent, by columns such as ``task`` and ``model``.

    Columns: those of `by`, then `cost` (dollars; missing where nothing is priced), `possible`,
    `unknown` (attempts without a price), `attempts`, `requests` and `share` of all known cost.
    Most expensive first. The cost of a failed attempt is borne by the model that failed.
    """
    sent = _sent(attempts)
    grouped = sent.groupby(list(by), observed=True, dropna=False)
    table = grouped.agg(
        cost=("cost", lambda values: values.sum(min_count=1)),
        possible=("cost_upper", "sum"),
        unknown=("unpriced", "sum"),
        attempts=("cost", "size"),
        requests=("request", "nunique"),
    ).reset_index()
    total = float(sent["cost"].sum())
    table["share"] = table["cost"] / total if total > 0 else float("nan")
    for name in by:
        table[name] = table[name].astype(object)
    return table.sort_values(
        ["cost", *by], ascending=[False, *(True for _ in by)], ignore_index=True, na_position="last"
    )


def total_spend(attempts: pd.DataFrame) -> Spend:
    """The cost of all attempts that were sent."""
    sent = _sent(attempts)
    return Spend(
        known=float(sent["cost"].sum()),
        possible=float(sent["cost_upper"].sum()),
        unknown=int(sent["unpriced"].sum()),
        attempts=len(sent),
    )


def _sent(attempts: pd.DataFrame) -> pd.DataFrame:
    sent = attempts[attempts["outcome"] != "not_sent"]
    # A provider bills what it answered, and perhaps what it answered unseen; not a failure.
    billed = sent["outcome"].isin(("answered", "unknown"))
    return sent.assign(unpriced=billed & sent["cost"].isna() & sent["cost_upper"].isna())
