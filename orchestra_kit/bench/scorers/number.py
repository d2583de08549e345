"""A number: the last one in the answer is the answer."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

from orchestra_kit.bench.scorers.scorer import LONGEST_ANSWER, Scorer
from orchestra_kit.core.answer import Score

__all__ = ["Number"]

_NUMBER = re.compile(r"(?<![\w.])[-−]?\$?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_BOXED = re.compile(r"\\boxed\{([^{}]{1,60})\}")
"""How models trained on mathematics mark their result."""
_MOST_DIGITS = 40


class Number(Scorer):
    """Right when the last number of the answer equals `expected` within `tolerance`.

    ``1,250``, ``$1250.00`` and ``1250`` are the same number. The last one counts because models
    that reason end with their result; a result that is marked as ``\\boxed{1250}`` goes before.
    """

    name: Literal["number"] = "number"
    expected: Decimal
    tolerance: Decimal = Decimal(0)

    def short_answer(self, answer: str) -> str | None:
        """The last number, as plain digits."""
        text = answer[:LONGEST_ANSWER]
        boxed = _BOXED.findall(text)
        found = _NUMBER.findall(boxed[-1]) if boxed else _NUMBER.findall(text)
        if not found:
            return None
        last = found[-1].replace("$", "").replace(",", "").replace("−", "-")
        return last if len(last) <= _MOST_DIGITS else None

    def _judge(self, answer: str) -> Score:
        last = self.short_answer(answer)
        if last is None:
            return self._scored(0.0, "the answer holds no number")
        if abs(Decimal(last) - self.expected) <= self.tolerance:
            return self._scored(1.0)
        return self._scored(0.0, f"{last} instead of {self.expected}")
