"""Words and pieces as whole numbers, so that a prompt is taken apart once and counted often.

Cross-validation reads the same prompts again and again, each time with another vocabulary. What
does not depend on the vocabulary is kept here: the words of a prompt in order, the pieces of a
word, what the prompt looks like.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from orchestra_kit.outcomes.predictors.predictor import Floats, Ints, Texts
from orchestra_kit.routing.success import LOOKED_AT
from orchestra_kit.routing.surface import SURFACE, surface_of
from orchestra_kit.routing.text_features import pieces_of, words_of

__all__ = ["PAIR", "Lexicon", "lexicon"]

PAIR = 2**31
"""The number of a pair is that of its first word times this, and that of the second."""
_TEXTS_KEPT = 60_000


class Lexicon:
    """Numbers of words and pieces, in the order in which they were met."""

    def __init__(self) -> None:
        self._words: dict[str, int] = {}
        self._pieces: dict[str, int] = {}
        self._inside: list[Sequence[int]] = []
        self._texts: dict[str, tuple[Ints, list[float]]] = {}
        self._matrix: csr_array | None = None
        self.word_names: list[str] = []
        self.piece_names: list[str] = []

    def __len__(self) -> int:
        return len(self._texts)

    def words(self, prompts: Texts) -> tuple[Ints, Ints]:
        """Row and word of every word of some prompts, in order."""
        found = [self._seen(str(text))[0] for text in prompts]
        sizes = np.array([len(one) for one in found], dtype=np.int64)
        flat = np.concatenate(found) if found else np.zeros(0, dtype=np.int64)
        return np.repeat(np.arange(len(found)), sizes), flat

    def surface(self, prompts: Texts) -> Floats:
        """(n, columns of `SURFACE`)."""
        rows = [self._seen(str(text))[1] for text in prompts]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(SURFACE))

    def pieces(self) -> csr_array:
        """How often each word (row) holds each piece (column), of all words met so far."""
        if self._matrix is None or self._matrix.shape[0] != len(self.word_names):
            sizes = np.array([len(row) for row in self._inside], dtype=np.int64)
            ends = np.concatenate([[0], np.cumsum(sizes)])
            flat = np.fromiter(
                (piece for row in self._inside for piece in row), np.int64, int(ends[-1])
            )
            shape = (len(sizes), len(self.piece_names))
            self._matrix = csr_array((np.ones(len(flat)), flat, ends), shape=shape)
            self._matrix.sum_duplicates()
        return self._matrix

    def _seen(self, text: str) -> tuple[Ints, list[float]]:
        found = self._texts.get(text)
        if found is None:
            words = words_of(text, LOOKED_AT)
            numbers = np.array([self._number(word) for word in words], dtype=np.int64)
            found = self._texts[text] = (numbers, surface_of(text, words))
        return found

    def _number(self, word: str) -> int:
        number = self._words.get(word)
        if number is None:
            number = self._words[word] = len(self.word_names)
            self.word_names.append(word)
            self._inside.append([self._piece(piece) for piece in pieces_of(word)])
        return number

    def _piece(self, name: str) -> int:
        number = self._pieces.get(name)
        if number is None:
            number = self._pieces[name] = len(self.piece_names)
            self.piece_names.append(name)
        return number


_shared = [Lexicon()]


def lexicon() -> Lexicon:
    """The lexicon in use; a new one once it holds very many texts."""
    if len(_shared[0]) > _TEXTS_KEPT:
        _shared[0] = Lexicon()
    return _shared[0]
