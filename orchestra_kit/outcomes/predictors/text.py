"""Texts as sparse rows of TF-IDF: words, pairs of words and pieces of words.

The features are those of `routing.text_features`. Pieces are counted through the words that hold
them, as a product of two sparse matrices, which is what makes 12,000 prompts a matter of seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from orchestra_kit.outcomes.predictors.lexicon import PAIR, Lexicon, lexicon
from orchestra_kit.outcomes.predictors.predictor import Floats, Ints, Texts

__all__ = ["FEATURES", "TextFeatures"]

FEATURES = 36_000
"""Kept at most: equal shares of words, pairs and pieces, the most frequent of each."""
_FEWEST = 2
"""Prompts that must hold a feature: what occurs once says nothing about another prompt."""


@dataclass(frozen=True, eq=False)
class TextFeatures:
    """A vocabulary with the inverse frequency of each of its features."""

    lexicon: Lexicon
    words: Ints
    """Numbers of the words, pairs and pieces that are kept, each rising."""
    pairs: Ints
    pieces: Ints
    idf: Floats
    """Of the words, the pairs and the pieces, in this order."""

    @classmethod
    def fit(cls, prompts: Texts, most: int = FEATURES, *, with_pieces: bool = True) -> TextFeatures:
        """The vocabulary of some prompts; idf is ``ln((1 + n) / (1 + df)) + 1``."""
        book, n = lexicon(), len(prompts)
        share = most // (3 if with_pieces else 2)
        row, flat = book.words(prompts)
        of_words = _counts(row, flat, n, len(book.word_names))
        inside = book.pieces()
        at, pair = _pairs(row, flat)
        codes, pair = np.unique(pair, return_inverse=True)
        of_pairs = _counts(at, pair, n, len(codes))
        found = [_frequent(of_words, share, n), _frequent(of_pairs, share, n)]
        found.append(_frequent(csr_array(of_words @ inside), share if with_pieces else 0, n))
        (words, df_words), (pairs, df_pairs), (pieces, df_pieces) = found
        held = np.concatenate([df_words, df_pairs, df_pieces])
        idf = np.log((1 + n) / (1 + held)) + 1
        return cls(book, words, codes[pairs], pieces, idf)

    @property
    def whole_words(self) -> int:
        """How many of the features, the first, are words and pairs."""
        return len(self.words) + len(self.pairs)

    def names(self) -> list[str]:
        """The features by name, as `routing.text_features.features` gives them."""
        words, pieces = self.lexicon.word_names, self.lexicon.piece_names
        return [
            *(words[k] for k in self.words.tolist()),
            *(f"{words[k // PAIR]} {words[k % PAIR]}" for k in self.pairs.tolist()),
            *(pieces[k] for k in self.pieces.tolist()),
        ]

    def transform(self, prompts: Texts) -> csr_array:
        """Rows of length 1, (n, features): ``(1 + ln count) · idf``, then divided by its length.

        A prompt of which nothing is known is a row of zeros.
        """
        n, (row, flat) = len(prompts), self.lexicon.words(prompts)
        every = len(self.lexicon.word_names)
        inside = self.lexicon.pieces()
        of_words = _counts(row, flat, n, every)
        of_pieces = of_words @ inside[:, self.pieces]
        at, pair = _pairs(row, flat)
        place = np.searchsorted(self.pairs, pair)
        known = place < len(self.pairs)
        known[known] = self.pairs[place[known]] == pair[known]
        of_pairs = _counts(at[known], place[known], n, len(self.pairs))
        parts = [csr_array(part).tocoo() for part in (of_words[:, self.words], of_pairs, of_pieces)]
        starts = np.cumsum([0, len(self.words), len(self.pairs)])
        rows = csr_array(
            (
                np.concatenate([part.data for part in parts]),
                (
                    np.concatenate([part.coords[0] for part in parts]),
                    np.concatenate(
                        [part.coords[1] + s for part, s in zip(parts, starts, strict=True)]
                    ),
                ),
            ),
            shape=(n, len(self.idf)),
        )
        rows.sort_indices()
        rows.data = (1 + np.log(rows.data)) * self.idf[rows.indices]
        lengths = np.sqrt(rows.multiply(rows).sum(axis=1))
        rows.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(rows.indptr))
        return rows


def _pairs(row: Ints, flat: Ints) -> tuple[Ints, Ints]:
    """Row and number of every pair of neighbouring words."""
    together = np.flatnonzero(row[1:] == row[:-1])
    return row[together], flat[together] * PAIR + flat[together + 1]


def _frequent(counts: csr_array, most: int, n: int) -> tuple[Ints, Ints]:
    """The columns that most prompts hold, rising, and how many do. Of equally frequent ones those
    that were met first, so that nothing is up to chance."""
    held = np.bincount(counts.indices, minlength=counts.shape[1])
    order = np.argsort(-held, kind="stable")[:most]
    order = np.sort(order[held[order] >= min(_FEWEST, n)])
    return order, held[order]


def _counts(row: Ints, column: Ints, n: int, m: int) -> csr_array:
    found = csr_array((np.ones(len(row)), (row, column)), shape=(n, m))
    found.sum_duplicates()
    return found
