"""Recorded prompts, each once through the router's own classification and measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm.auto import tqdm

from orchestra_kit.core.request import Context, Request
from orchestra_kit.outcomes.grid import Grid
from orchestra_kit.routing.context import measure
from orchestra_kit.routing.foresight import Foresight
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.success import SuccessModel

__all__ = ["ARRIVES", "Prompts", "read_prompts"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ARRIVES = 12
"""Hour at which every recorded prompt is taken to arrive: a table does not say."""
_NAMES = tuple(field.name for field in fields(Context))


@dataclass(frozen=True, eq=False)
class Prompts:
    """u distinct prompts of n queries."""

    row: Ints
    """(n,) the distinct prompt of each query."""
    contexts: pd.DataFrame
    """(u) one row a prompt, the fields of a `Context`; its tier is any."""
    classified: Mask
    """(u,) whether the classifier said its task, and not the sender."""
    chances: tuple[Mapping[str, float], ...] | None
    """(u) what a model of success foretells of each, by deployment; None without one."""


def read_prompts(
    router: Router,
    grid: Grid,
    *,
    success: SuccessModel | None = None,
    declared: bool,
    on: date,
    budget_left: float = 1.0,
    progress: bool = True,
) -> Prompts:
    """Classify and measure every prompt.

    `success` is the policy's model of success, if it has one. Where `declared` is set the table's
    task counts as the sender's word, if the policy has it. Raises PolicyError where a task must be
    classified and the router has no classifier.
    """
    known = router.policy.tasks if declared else {}
    said = np.array([task if task in known else "" for task in grid.tasks], dtype=object)
    row, keys = pd.factorize(pd.MultiIndex.from_arrays([grid.prompts, said]))
    arrived = datetime(on.year, on.month, on.day, ARRIVES, tzinfo=UTC)
    tier = next(iter(router.policy.tiers))
    foresight = Foresight(router.policy, success)
    found, classified, chances = [], [], []
    for prompt, task in tqdm(
        keys, desc="reading prompts", unit="prompt", delay=1, disable=not progress
    ):
        request = Request(id="replay", text=prompt, tier=tier, arrived=arrived, task=task or None)
        classification = router.classify(request)
        foreseen = foresight.of(request, classification)
        context = measure(
            request, classification, budget_left=budget_left, difficulty=foreseen.difficulty
        )
        found.append(tuple(getattr(context, name) for name in _NAMES))
        classified.append(classification.by == "classifier")
        chances.append(foreseen.chances)
    contexts = pd.DataFrame(found, columns=list(_NAMES))
    return Prompts(
        row.astype(np.int64),
        contexts,
        np.array(classified, dtype=np.bool_),
        tuple(chances) if any(chances) else None,
    )
