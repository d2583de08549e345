"""What a scorer is: a description that can stand in a file, and that judges an answer."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod

from orchestra_kit.core.answer import Score
from orchestra_kit.policy.schema import _Strict

__all__ = ["LONGEST_ANSWER", "Scorer", "folded", "unfenced", "word_count"]

LONGEST_ANSWER = 100_000
"""Characters of an answer that are looked at; what a model repeats beyond it changes nothing."""

_FENCE = re.compile(r"```[a-zA-Z0-9_+-]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)


class Scorer(_Strict, ABC):
    """Judges one answer to one prompt; `name` tells the scorers apart in a file."""

    name: str

    def score(self, answer: str) -> Score:
        """The score of an answer, between 0 and 1, with the reason where it is not 1.

        An empty answer scores 0: the model was asked and gave nothing. Unscored is only what the
        scorer itself cannot judge.
        """
        text = answer[:LONGEST_ANSWER]
        if not text.strip():
            return self._scored(0.0, "the answer is empty")
        return self._judge(text)

    def short_answer(self, answer: str) -> str | None:
        """What the answer comes down to, for voting; None where that is no single word."""
        del answer
        return None

    @abstractmethod
    def _judge(self, answer: str) -> Score:
        """The score of an answer that is not empty."""

    def _scored(self, value: float, reason: str = "") -> Score:
        return Score(value=value, scorer=self.name, reason=reason)


def folded(text: str) -> str:
    """Text for comparison: one case, one kind of space, no thousands separators."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", plain)
    return " ".join(plain.split())


def unfenced(text: str) -> list[str]:
    """The contents of fenced code blocks, in order; a fence that never closes runs to the end."""
    return _FENCE.findall(text)


def word_count(text: str) -> int:
    """Words as people count them: runs of characters that hold a letter or a digit."""
    return sum(any(c.isalnum() for c in token) for token in text.split())
