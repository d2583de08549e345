"""Prompts as numbers, read once: several predictors that learn from the same prompts share it."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils.extmath import randomized_svd

from orchestra_kit.outcomes.predictors.encoder import Encoder
from orchestra_kit.outcomes.predictors.predictor import Floats, Texts
from orchestra_kit.outcomes.predictors.text import FEATURES, TextFeatures
from orchestra_kit.routing.success import WIDEST

if TYPE_CHECKING:
    from orchestra_kit.outcomes.predictors.task_guess import TaskGuess

__all__ = ["COMPONENTS", "Reading", "Seen", "read"]

COMPONENTS = 128
_KEPT = 6
_SEED = 0
"""Of the decomposition, which is a matter of rounding and not of what is learnt."""


class Seen:
    """Some prompts as a reading sees them."""

    def __init__(self, reading: Reading, prompts: Texts) -> None:
        self._reading = reading
        self.prompts = prompts
        self.rows: csr_array = reading.text.transform(prompts)
        """(n, features) TF-IDF."""
        self.surface: Floats = np.clip(
            (reading.text.lexicon.surface(prompts) - reading.mean) / reading.spread, -WIDEST, WIDEST
        )
        """(n, columns) standardised by the prompts that were learnt from."""

    @cached_property
    def components(self) -> Floats:
        """(n, k) of the decomposition, each row of length 1 where anything is known of it."""
        found = np.asarray(self._reading.raw(self) @ self._reading.directions)
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.where(length > 0, length, 1.0))


class Reading:
    """How to read prompts, learnt from some of them. Get one by `read`."""

    def __init__(
        self, prompts: Texts, encoder: Encoder | None, features: int, pieces: bool
    ) -> None:
        self._encoder = encoder
        self.text = TextFeatures.fit(prompts, features, with_pieces=pieces)
        raw = self.text.lexicon.surface(prompts)
        self.mean = raw.mean(axis=0)
        spread = raw.std(axis=0)
        self.spread = np.where(spread > 1e-9, spread, np.inf)
        self._recent: OrderedDict[bytes, Seen] = OrderedDict()
        self.guesses: dict[tuple[bytes, int, int], TaskGuess] = {}
        """What was learnt of the tasks of these prompts."""
        self.learnt = Seen(self, prompts)
        """The prompts that it was learnt from."""

    @cached_property
    def directions(self) -> Floats:
        """(columns, k): latent semantic analysis (Deerwester and others 1990) of words and pairs,
        or the principal directions of embeddings."""
        rows = self.raw(self.learnt)
        k = min(COMPONENTS, min(rows.shape) - 1)
        if k < 1:
            return np.zeros((rows.shape[1], 1))
        _, _, found = randomized_svd(rows, k, n_iter=2, random_state=_SEED)
        return np.ascontiguousarray(found.T)

    def raw(self, seen: Seen) -> csr_array | Floats:
        """What is decomposed: embeddings, or the part of the rows that is about words and pairs,
        a quarter of them and what tells topics apart; pieces mostly repeat it."""
        if self._encoder is not None:
            return self._encoder.encode(seen.prompts)
        return csr_array(seen.rows[:, : self.text.whole_words])

    def see(self, prompts: Texts) -> Seen:
        """Any prompts; the last few are remembered."""
        key = _digest(prompts)
        if key not in self._recent:
            self._recent[key] = Seen(self, prompts)
            while len(self._recent) > _KEPT:
                self._recent.popitem(last=False)
        return self._recent[key]


_readings: OrderedDict[tuple[bytes, str, int, bool], Reading] = OrderedDict()


def read(
    prompts: Texts,
    encoder: Encoder | None = None,
    *,
    features: int = FEATURES,
    pieces: bool = True,
) -> Reading:
    """The reading of some prompts; the same one for the same prompts, if asked again soon."""
    key = (_digest(prompts), encoder.id if encoder else "", features, pieces)
    if key not in _readings:
        _readings[key] = Reading(prompts, encoder, features, pieces)
        while len(_readings) > _KEPT:
            _readings.popitem(last=False)
    _readings.move_to_end(key)
    return _readings[key]


def _digest(prompts: Texts) -> bytes:
    found = blake2b(digest_size=16)
    for text in prompts:
        found.update(str(text).encode("utf-8", "surrogatepass") + b"\0")
    return found.digest()
