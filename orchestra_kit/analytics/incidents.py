"""What operators were told in a period, gathered into one line for each thing that went on."""

from __future__ import annotations

import pandas as pd

__all__ = ["incidents"]

_LOUDEST = ("critical", "warning", "info")
COLUMNS = ("severity", "kind", "deployment", "count", "first", "last", "message")


def incidents(notices: pd.DataFrame) -> pd.DataFrame:
    """Notices gathered by severity, kind and deployment: how many, the first and last moment
    (microseconds since 1970, UTC) and the first message; the most severe and frequent first."""
    if notices.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    ordered = notices.sort_values("at", kind="stable").astype(
        {"severity": object, "kind": object, "deployment": object}
    )
    table = (
        ordered.groupby(["severity", "kind", "deployment"], dropna=False)
        .agg(
            count=("at", "size"),
            first=("at", "min"),
            last=("at", "max"),
            message=("message", "first"),
        )
        .reset_index()
    )
    rank = {name: place for place, name in enumerate(_LOUDEST)}
    table["rank"] = table["severity"].map(rank).fillna(len(rank))
    table = table.sort_values(
        ["rank", "count", "kind", "deployment"], ascending=[True, False, True, True]
    )
    return table[list(COLUMNS)].reset_index(drop=True)
