"""Facts that a summary must keep, within its length."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from orchestra_kit.bench.scorers.scorer import Scorer, folded, word_count
from orchestra_kit.core.answer import Score

__all__ = ["Facts"]

_Spellings: TypeAlias = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda v: [v] if isinstance(v, str) else v),
    Field(min_length=1),
]


class Facts(Scorer):
    """The share of `facts` that the answer states, less what it is too long.

    A fact is one word or figure, or several spellings of which one must stand in the answer. An
    answer of twice `max_words` scores 0, so that repeating the source is no summary.
    """

    name: Literal["facts"] = "facts"
    facts: Annotated[tuple[_Spellings, ...], Field(min_length=1)]
    max_words: Annotated[int, Field(ge=1)]

    def _judge(self, answer: str) -> Score:
        text = folded(answer)
        absent = [fact[0] for fact in self.facts if not any(_stands(s, text) for s in fact)]
        share = 1 - len(absent) / len(self.facts)
        words = word_count(answer)
        excess = max(0.0, words / self.max_words - 1)
        reasons = [f"lacks {', '.join(absent)}"] if absent else []
        reasons += [f"{words} words instead of at most {self.max_words}"] if excess else []
        return self._scored(share * max(0.0, 1 - excess), "; ".join(reasons))


def _stands(spelling: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(folded(spelling))}(?!\w)", text) is not None
