"""Small frames for the tests of analytics, made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchestra_kit.analytics.measures import with_acceptance
from tests.analytics.synthetic import WEEK

START = int(WEEK.period.starts.timestamp()) * 1_000_000
MINUTE = 60_000_000
HOUR = 60 * MINUTE
FLOORS = {"article": 0.6}


def requests(**columns: object) -> pd.DataFrame:
    """Requests of `WEEK` with the columns of `Traffic.requests`; scalars hold for all rows."""
    length = max((len(v) for v in columns.values() if isinstance(v, (list, np.ndarray))), default=1)
    base: dict[str, object] = {
        "at": START + np.arange(length) * MINUTE, "task": "article", "tier": "standard",
        "feature": "blog", "status": "answered", "model": "gpt", "chain_tier": 0, "cost": 0.01,
        "seconds": 1.0, "quality": 0.9, "policy_hash": "abc", "run_id": "run", "age": 0,
    }  # fmt: skip
    frame = pd.DataFrame(base | columns, index=range(length))
    frame["hour"] = frame["at"] // HOUR
    for name in ("cost", "seconds", "quality"):
        frame[name] = frame[name].astype(float)
    return with_acceptance(frame, FLOORS)


def attempts(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Attempts with the columns of `Traffic.attempts`."""
    base = {
        "request": "r1", "task": "article", "tier": "standard", "feature": "blog", "user": "u",
        "deployment": "gpt", "model": "gpt", "outcome": "answered", "failure": None, "cost": 0.01,
        "cost_upper": np.nan, "at": START,
    }  # fmt: skip
    return pd.DataFrame([base | row for row in rows]).astype({"cost": float, "cost_upper": float})
