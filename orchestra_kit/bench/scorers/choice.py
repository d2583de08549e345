"""A label out of several."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from orchestra_kit.bench.scorers.scorer import LONGEST_ANSWER, Scorer, folded
from orchestra_kit.core.answer import Score

__all__ = ["Choice"]


class Choice(Scorer):
    """Right when the answer names `expected` and no other of the `labels`.

    An answer that begins with one label as a sentence of its own means that one, whatever follows;
    one that names several without choosing means none.
    """

    name: Literal["choice"] = "choice"
    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    expected: str

    @model_validator(mode="after")
    def _is_a_label(self) -> Choice:
        if folded(self.expected) not in {folded(label) for label in self.labels}:
            raise ValueError(f"the expected “{self.expected}” is not among the labels")
        return self

    def short_answer(self, answer: str) -> str | None:
        """The label that the answer names; None where it names none or several."""
        said = self._said(folded(answer[:LONGEST_ANSWER]))
        return said.pop() if len(said) == 1 else None

    def _judge(self, answer: str) -> Score:
        said = self._said(folded(answer))
        if len(said) != 1:
            return self._scored(0.0, "names several labels" if said else "names no label")
        if said == {folded(self.expected)}:
            return self._scored(1.0)
        return self._scored(0.0, f"{said.pop()} instead of {self.expected}")

    def _said(self, text: str) -> set[str]:
        labels = [re.escape(folded(label)) for label in self.labels]
        either = "|".join(sorted(labels, key=len, reverse=True))
        first = re.match(rf"\W*({either})\W*(?:$|(?<=[.!:;)*])\s)", text)
        if first:
            return {first[1]}
        return set(re.findall(rf"(?<!\w)(?:{either})(?!\w)", text))
