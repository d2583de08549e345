"""The tables of cost."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from orchestra_kit.analytics.weekly import WeekAnalysis
from orchestra_kit.analytics.wording import (
    UNKNOWN,
    count_text,
    figure,
    share_text,
)
from orchestra_kit.reporting.blocks import (
    Block,
    Cell,
    Column,
    folded,
    joined,
    small,
    table,
)

__all__ = ["cost_tables"]


def cost_tables(week: WeekAnalysis) -> Block:
    """Cost by task and model, and by feature."""
    spend = week.spend
    caption = f"Cost of {count_text(spend.attempts, 'attempt')}: {figure(spend.known, 'dollars')}."
    if spend.possible:
        caption += (
            f" Attempts whose answer was never seen may have cost up to "
            f"{figure(spend.possible, 'dollars')} more."
        )
    if spend.unknown:
        caption += f" {count_text(spend.unknown, 'attempt')} without a known price are not in it."
    return joined(
        _costs_table(week.costs, ("task", "model"), caption=caption),
        folded("By feature", _costs_table(week.features, ("feature",), caption="Cost by feature.")),
    )


def _costs_table(costs: pd.DataFrame, by: Sequence[str], *, caption: str, most: int = 15) -> Block:
    """Cost by one or two labels, with what could not be priced."""
    shown_rows, rest = costs.head(most), costs.iloc[most:]
    rows: list[list[Cell]] = [_cost_row(row, by) for row in shown_rows.to_dict("records")]
    if len(rest):
        rows.append(
            [
                f"{len(rest)} others",
                *[""] * (len(by) - 1),
                f"{int(rest['attempts'].sum()):,}",
                figure(float(rest["cost"].sum()), "dollars"),
                share_text(float(rest["share"].sum())),
                UNKNOWN,
                f"{int(rest['unknown'].sum()):,}",
            ]
        )
    return table(
        (
            *(Column(name[:1].upper() + name[1:]) for name in by),
            Column("Attempts", number=True),
            Column("Cost", number=True),
            Column("Share", number=True),
            Column("An attempt", number=True),
            Column("Unpriced", number=True),
        ),
        rows,
        caption=caption,
    )


def _cost_row(row: Mapping[Hashable, object], by: Sequence[str]) -> list[Cell]:
    cost, attempts = float(str(row["cost"])), int(str(row["attempts"]))
    unknown, possible = int(str(row["unknown"])), float(str(row["possible"]))
    priced = attempts - unknown
    each = cost / priced if priced and not math.isnan(cost) else math.nan
    beside = f"up to {figure(possible, 'dollars')} more" if possible > 0 else ""
    return [
        *(str(row[name]) or "(none)" for name in by),
        f"{attempts:,}",
        small("unknown" if math.isnan(cost) else figure(cost, "dollars"), beside),
        share_text(float(str(row["share"]))),
        figure(each, "dollars"),
        f"{unknown:,}" if unknown else "0",
    ]
