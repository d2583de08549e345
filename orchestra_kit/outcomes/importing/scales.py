"""Scores and costs of tools whose scale need not be ours.

A score off the scale of 0 to 1 is no score here, and a cost of 0 is no cost: gateways and harnesses
write 0 where they know no price. Both are kept as missing, and counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from orchestra_kit.core.ids import content_hash
from orchestra_kit.outcomes.importing.batch import Batch
from orchestra_kit.outcomes.importing.records import as_number

__all__ = ["label_score", "query_of", "usable_cost", "usable_score"]

_WORDS = {
    "c": 1.0, "correct": 1.0, "pass": 1.0, "passed": 1.0, "true": 1.0, "yes": 1.0,
    "p": 0.5, "partial": 0.5,
    "i": 0.0, "incorrect": 0.0, "n": 0.0, "fail": 0.0, "failed": 0.0, "false": 0.0, "no": 0.0,
}  # fmt: skip
"""The words of graders; C, I, P and N (no answer) are those of inspect_ai, with its values."""


def usable_score(batch: Batch, value: object, scorer: str) -> tuple[float | None, str | None]:
    """The score, 0-1, and where there is none the reason; for what is off the scale it is noted."""
    if value is None:
        return None, None
    if isinstance(value, bool):
        return float(value), None
    found = as_number(value)
    if found is None:
        found = label_score(value)
    if found is None:
        batch.leave_out("score that is no single number (kept as unscored)")
        kind = "several values" if isinstance(value, (Mapping, list)) else f"“{value!s:.40}”"
        return None, f"{scorer} gave {kind}, not a number"
    if math.isnan(found):
        return None, f"{scorer} gave no score"
    if not 0 <= found <= 1:
        batch.leave_out("score that is not between 0 and 1 (kept as unscored)")
        return None, f"{scorer} gave {found:g}, which is not between 0 and 1"
    return found, None


def label_score(label: object) -> float | None:
    """The value of a grader's word; None for words that are not known."""
    return _WORDS.get(label.strip().lower()) if isinstance(label, str) else None


def usable_cost(batch: Batch, dollars: float | None) -> float | None:
    """The cost, or None for 0, which is noted."""
    if dollars == 0:
        batch.leave_out("cost of 0, as is written where no price is known (kept as unknown)")
        return None
    return dollars


def query_of(prompt: str) -> str:
    """An id for a query that has none: alike wherever the same was asked."""
    return content_hash(prompt, length=16)
