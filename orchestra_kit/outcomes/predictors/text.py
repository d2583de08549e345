"""Texts as sparse rows of TF-IDF: words, pairs of words and pieces of words.

The features are those of `routing.text_features`. Pieces are counted through the words that hold
them, as a product of two sparse matrices, which is what makes 12,000 prompts a matter of seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np
from scipy.sparse import csr_array

from orchestra_kit.outcomes.predictors.predictor import Floats, Ints, Texts
from orchestra_kit.routing.text_features import pieces_of, words_of

__all__ = ["LOOKED_AT", "TextFeatures"]

LOOKED_AT = 1_500
"""Characters of a prompt that are read: whether it is hard is seen later than what it is about."""
WORDS = 15_000
PIECES = 15_000
"""The most frequent that are kept."""
_FEWEST = 2
"""Prompts that must hold a feature: what occurs once says nothing about another prompt."""


_pieces_of = lru_cache(maxsize=100_000)(pieces_of)


@dataclass(frozen=True, eq=False)
class TextFeatures:
    """A vocabulary with the inverse frequency of each of its features."""

    vocabulary: tuple[str, ...]
    idf: Floats
    words: int
    """How many of the features, the first, are words and pairs; the rest are pieces."""

    @classmethod
    def fit(cls, prompts: Texts, words: int = WORDS, pieces: int = PIECES) -> TextFeatures:
        """The vocabulary of some prompts; idf is ``ln((1 + n) / (1 + df)) + 1``."""
        found = _Counted.of(prompts)
        n = len(prompts)
        kept, names = [], []
        for counts, called, most in (
            (found.of_words, found.words, words),
            (found.of_pairs, found.pairs, words),
            (found.of_pieces, found.pieces, pieces),
        ):
            held = np.bincount(counts.indices, minlength=counts.shape[1])
            # Of equally frequent ones those that were seen first, so that nothing is up to chance.
            order = np.argsort(-held, kind="stable")[:most]
            order = np.sort(order[held[order] >= min(_FEWEST, n)])
            kept.append(held[order])
            names.append([called[k] for k in order.tolist()])
        flat = np.concatenate(kept).astype(np.float64)
        return cls(
            vocabulary=tuple(chain.from_iterable(names)),
            idf=np.log((1 + n) / (1 + flat)) + 1,
            words=len(names[0]) + len(names[1]),
        )

    def transform(self, prompts: Texts) -> csr_array:
        """Rows of length 1, (n, features): ``(1 + ln count) · idf``, then divided by its length.

        A prompt of which nothing is known is a row of zeros.
        """
        number = {name: k for k, name in enumerate(self.vocabulary)}
        found = _Counted.of(prompts)
        parts = [
            counts @ _chosen(called, number, self.idf.size)
            for counts, called in (
                (found.of_words, found.words),
                (found.of_pairs, found.pairs),
                (found.of_pieces, found.pieces),
            )
        ]
        rows = csr_array(parts[0] + parts[1] + parts[2])
        rows.sort_indices()
        rows.data = (1 + np.log(rows.data)) * self.idf[rows.indices]
        lengths = np.sqrt(rows.multiply(rows).sum(axis=1))
        rows.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(rows.indptr))
        return rows


@dataclass(frozen=True, eq=False)
class _Counted:
    """How often each word, pair and piece occurs in each text."""

    words: Sequence[str]
    of_words: csr_array
    pairs: Sequence[str]
    of_pairs: csr_array
    pieces: Sequence[str]
    of_pieces: csr_array

    @classmethod
    def of(cls, prompts: Iterable[str]) -> _Counted:
        number: dict[str, int] = {}
        tokens = [
            [number.setdefault(word, len(number)) for word in words_of(str(text), LOOKED_AT)]
            for text in prompts
        ]
        names = list(number)
        sizes = np.array([len(row) for row in tokens], dtype=np.int64)
        flat = np.fromiter(chain.from_iterable(tokens), dtype=np.int64, count=int(sizes.sum()))
        row = np.repeat(np.arange(len(tokens)), sizes)
        of_words = _counts(row, flat, len(tokens), len(names))
        together = np.flatnonzero(row[1:] == row[:-1])
        first, second = flat[together], flat[together + 1]
        codes, pair = np.unique(first * len(names) + second, return_inverse=True)
        pairs = [f"{names[c // len(names)]} {names[c % len(names)]}" for c in codes.tolist()]
        of_pairs = _counts(row[together], pair, len(tokens), len(pairs))
        pieces, inside = _pieces(names)
        return cls(names, of_words, pairs, of_pairs, pieces, csr_array(of_words @ inside))


def _pieces(words: Sequence[str]) -> tuple[list[str], csr_array]:
    """All pieces of some words, and how often each word (row) holds each piece (column)."""
    number: dict[str, int] = {}
    held = [[number.setdefault(piece, len(number)) for piece in _pieces_of(word)] for word in words]
    sizes = np.array([len(row) for row in held], dtype=np.int64)
    flat = np.fromiter(chain.from_iterable(held), dtype=np.int64, count=int(sizes.sum()))
    return list(number), _counts(
        np.repeat(np.arange(len(words)), sizes), flat, len(words), len(number)
    )


def _counts(row: Ints, column: Ints, n: int, m: int) -> csr_array:
    found = csr_array((np.ones(len(row)), (row, column)), shape=(n, m))
    found.sum_duplicates()
    return found


def _chosen(names: Sequence[str], number: dict[str, int], size: int) -> csr_array:
    """What picks the features that are in the vocabulary and puts them in its order."""
    places = np.array([number.get(name, -1) for name in names], dtype=np.int64)
    known = np.flatnonzero(places >= 0)
    return csr_array((np.ones(len(known)), (known, places[known])), shape=(len(names), size))
