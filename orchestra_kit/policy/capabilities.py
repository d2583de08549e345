"""The capability matrix as the router reads it: what each deployment does at each task.

Figures are estimates, each with the number of outcomes behind it, its interval, its source and its
date. The router weighs them; it never calls a model to get them.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from orchestra_kit.core.errors import PolicyError
from orchestra_kit.policy.document import read_document
from orchestra_kit.policy.reading import read_as
from orchestra_kit.policy.schema import Share, _Strict

__all__ = ["Capabilities", "Capability"]


class Capability(_Strict):
    """One cell of the matrix."""

    quality: Share
    quality_low: Share
    quality_high: Share
    """95 % interval of the mean quality."""
    p50: Annotated[float, Field(gt=0)]
    """Median seconds to the whole answer."""
    p95: Annotated[float, Field(gt=0)]
    output_tokens: Annotated[float, Field(ge=0)] = 0.0
    """Mean visible output tokens."""
    n: Annotated[int, Field(ge=1)]


class Capabilities(_Strict):
    """Cells by deployment and task, all of one source and date."""

    source: Literal["simulated", "recorded", "live", "assumed"]
    measured: date
    how: str
    """How they were measured, in one sentence."""
    cells: dict[str, dict[str, Capability]]

    @classmethod
    def load(cls, path: Path) -> Capabilities:
        """Read the file; raises PolicyError with every fault in it."""
        return read_as(cls, read_document(path, error=PolicyError), PolicyError)

    def write(self, path: Path | str) -> None:
        """Write the file; the same figures give the same bytes."""
        lines = [
            "# Measured by orchestra_kit, not written by hand: measure again instead of editing.",
            f"source: {self.source}",
            f"measured: {self.measured.isoformat()}",
            f"how: {self.how}",
            "cells:",
        ]
        for deployment, tasks in self.cells.items():
            lines.append(f"  {deployment}:")
            lines += [f"    {task}: {_flow(cell)}" for task, cell in tasks.items()]
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def cell(self, deployment: str, task: str) -> Capability | None:
        """What is known of a deployment at a task; None where nothing is."""
        return self.cells.get(deployment, {}).get(task)


def _flow(cell: Capability) -> str:
    figures = cell.model_dump()
    return "{" + ", ".join(f"{name}: {value:g}" for name, value in figures.items()) + "}"
