"""Linear scores of a text's words, pairs of words and pieces of words, in pure Python.

A text is TF-IDF, ``(1 + ln count) · idf`` for each feature, divided by the length of the whole;
a score is the sum of weight times that. Dozens of words, a fraction of a millisecond.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from orchestra_kit.routing.text_features import PIECE, pieces_of

__all__ = ["LinearText", "Summed"]

_WORDS_KEPT = 8_192


class Summed(NamedTuple):
    """What a text adds up to."""

    scores: list[float]
    """One for each column of weights, without a bias; zeros where nothing of it is known."""
    known: float
    """Summed idf of the pieces of words that are known, each counted once."""
    unknown: int
    """How many different pieces of words are not; 0 where the vocabulary has none."""


class LinearText:
    """A vocabulary with an idf and a row of weights for each feature."""

    def __init__(self, weights: Mapping[str, tuple[float, Sequence[float]]], columns: int) -> None:
        self._columns = columns
        self._number = {name: number for number, name in enumerate(weights)}
        # What a feature adds if it occurs once: to the square of the length, to what is known, and
        # to each score before that is divided by the length.
        self._adds = tuple(
            (idf * idf, idf if name[0] == PIECE else 0.0, *(idf * weight for weight in row))
            for name, (idf, row) in weights.items()
        )
        self.rarest = max((idf for idf, _ in weights.values()), default=1.0)
        """The largest idf: what a feature that was never seen is taken to have."""
        self._whole = not any(name[0] == PIECE for name in weights)
        self._seen_words: dict[str, _Word] = {}

    def of(self, words: Sequence[str]) -> Summed:
        """The scores of a text by its words, as `words_of` gives them."""
        sums, unknown = self._summed(words)
        if sums is None:
            return Summed([0.0] * self._columns, 0.0, unknown)
        square, known, *adds = sums
        scale = 1.0 / math.sqrt(square)
        return Summed([scale * total for total in adds], known, unknown)

    def __len__(self) -> int:
        return len(self._adds)

    def _summed(self, words: Sequence[str]) -> tuple[list[float] | None, int]:
        """What the known features of a text add, each by how often it occurs, and how many pieces
        of words are not known; None for the first where no feature is known.

        Words are added up as they come, as if what occurs twice counted twice; then the few
        features that do occur again are put right.
        """
        found = [self._seen_words.get(word) or self._look_up(word) for word in words]
        look_up = self._number.get
        pairs = [look_up(f"{a} {b}") for a, b in pairwise(words)]
        numbers = [number for number in pairs if number is not None]
        parts = [self._adds[number] for number in numbers]
        unknown: set[str] = set()
        for known in found:
            numbers += known.numbers
            unknown.update(known.unknown)
            if known.numbers:
                parts.append(known.adds)
        if not numbers:
            return None, len(unknown)
        square, pieces, *adds = _added(parts)
        for count, again in _repeated(numbers).items():
            times = 1.0 + math.log(count)
            squares, twice, *more = _added(map(self._adds.__getitem__, again))
            square += (times * times - count) * squares
            pieces += (1 - count) * twice
            adds = [one + (times - count) * other for one, other in zip(adds, more, strict=True)]
        return [square, pieces, *adds], len(unknown)

    def _look_up(self, word: str) -> _Word:
        """A word and its pieces; remembered, for most words come again."""
        if len(self._seen_words) >= _WORDS_KEPT:
            self._seen_words.clear()
        names = (word,) if self._whole else (word, *pieces_of(word))
        numbers = tuple(self._number[name] for name in names if name in self._number)
        found = self._seen_words[word] = _Word(
            numbers,
            tuple(name for name in names[1:] if name not in self._number),
            tuple(_added([self._adds[number] for number in numbers])) if numbers else (),
        )
        return found


class _Word(NamedTuple):
    """What a word and its pieces are."""

    numbers: tuple[int, ...]
    """Of the features that are known, as often as they occur."""
    unknown: tuple[str, ...]
    """The pieces that are not."""
    adds: tuple[float, ...]
    """What `numbers` add together; empty where there are none."""


def _repeated(numbers: Sequence[int]) -> dict[int, list[int]]:
    """The numbers that occur more than once, by how often they do."""
    found: dict[int, list[int]] = {}
    for number, count in Counter(numbers).items():
        if count > 1:
            found.setdefault(count, []).append(number)
    return found


def _added(parts: Iterable[tuple[float, ...]]) -> list[float]:
    """Sums by column, picked and added by C: dozens of words, a few interpreter steps."""
    return list(map(sum, zip(*parts, strict=True)))
