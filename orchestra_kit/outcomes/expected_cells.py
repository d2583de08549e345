"""What a policy may expect of a deployment at a task, as recorded answers say."""

from __future__ import annotations

import pandas as pd

from orchestra_kit.outcomes.matrix_cell import mean_quality
from orchestra_kit.policy.capabilities import Capability

__all__ = ["capability_of"]

_FEWEST = 2
"""Scored answers below which a cell says nothing of its own spread, and is left out."""


def capability_of(rows: pd.DataFrame) -> Capability | None:
    """The cell for a policy of the answers of one model at one task, each with its ``cluster``.

    Quality is the mean score with its 95 % interval over clusters, n counts scored answers. None
    where fewer than two clusters are scored or no answer has its seconds.
    """
    scored = rows[rows["score"].notna()]
    seconds = rows["latency_s"].dropna()
    quality = mean_quality(scored)
    if len(scored) < _FEWEST or seconds.empty or quality is None or quality.interval is None:
        return None
    low, high = quality.interval
    tokens = rows["output_tokens"].dropna()
    return Capability(
        quality=round(quality.value, 4),
        quality_low=round(low, 4),
        quality_high=round(high, 4),
        p50=max(0.001, round(float(seconds.quantile(0.5, interpolation="higher")), 3)),
        p95=max(0.001, round(float(seconds.quantile(0.95, interpolation="higher")), 3)),
        output_tokens=round(float(tokens.mean()), 1) if len(tokens) else 0.0,
        n=len(scored),
    )
