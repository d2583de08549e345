"""What can be seen of an answer before anybody scores it: its length, its form, its arithmetic.

The signs are those of any text, in plain counts; what they are worth is learnt, task by task, from
outcomes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from orchestra_kit.outcomes.grid import Grid

__all__ = ["SIGNS", "answer_signs"]

Floats = npt.NDArray[np.float64]

SIGNS = (
    "length",
    "length beside the prompt",
    "lines",
    "digits",
    "equations",
    "equations that do not hold",
    "numbers of the prompt left unused",
    "numbers of its own",
    "doubt",
    "structured",
    "finished",
)
"""Names of the columns where the answers are there in full."""
_LONGEST = 20_000
"""Characters that are looked at."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_EQUATION = re.compile(
    r"(-?\d+(?:\.\d+)?)\s*([-+*/×÷])\s*\$?(-?\d+(?:\.\d+)?)\s*=\s*\$?(-?\d+(?:\.\d+)?)"
)
_DOUBT = re.compile(
    r"\b(sorry|cannot|can't|unable|unclear|not sure|assum\w*|approximat\w*|however|wait|actually"
    r"|let me|recheck|mistake)\b"
)
_TOLERANCE = 0.01


def answer_signs(grid: Grid, models: Sequence[int]) -> Floats:
    """(n, models, signs): `SIGNS` of each answer, or its length alone where only that was kept.

    Lengths are natural logarithms of one more than tokens or characters. No signs at all, an array
    (n, models, 0), where the table has neither answers nor lengths.
    """
    if grid.responses is not None:
        numbers = [set(_NUMBER.findall(prompt[:_LONGEST])) for prompt in grid.prompts]
        sizes = [len(prompt) for prompt in grid.prompts]
        found = [
            [
                _signs(grid.responses[row, model][:_LONGEST], numbers[row], sizes[row])
                for model in models
            ]
            for row in range(grid.n)
        ]
        return np.asarray(found, dtype=np.float64).reshape(grid.n, len(models), len(SIGNS))
    lengths = grid.lengths[:, list(models)]
    if not np.isfinite(lengths).any():
        return np.zeros((grid.n, len(models), 0))
    return np.log1p(np.nan_to_num(lengths))[:, :, None]


def _signs(answer: str, given: set[str], prompt_length: int) -> tuple[float, ...]:
    length = len(answer)
    used = set(_NUMBER.findall(answer))
    equations = _EQUATION.findall(answer)
    wrong = sum(not _holds(*equation) for equation in equations)
    return (
        np.log1p(length),
        np.log1p(length) - np.log1p(prompt_length),
        np.log1p(answer.count("\n")),
        sum(map(len, used)) / max(1, length),
        np.log1p(len(equations)),
        float(wrong),
        len(given - used) / max(1, len(given)),
        np.log1p(len(used - given)),
        np.log1p(len(_DOUBT.findall(answer.lower()))),
        float("{" in answer or "####" in answer or "\\boxed" in answer),
        float(answer.rstrip()[-1:] in ".!?}])0123456789"),
    )


def _holds(left: str, sign: str, right: str, result: str) -> bool:
    a, b, found = float(left), float(right), float(result)
    if sign in "/÷":
        expected = a / b if b else float("inf")
    else:
        expected = {"+": a + b, "-": a - b}.get(sign, a * b)
    return abs(expected - found) <= _TOLERANCE * max(1.0, abs(expected))
