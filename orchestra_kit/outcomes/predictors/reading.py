"""Prompts as numbers, read once: several predictors that learn from the same prompts share it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils.extmath import randomized_svd

from orchestra_kit.outcomes.predictors.predictor import Floats, Texts
from orchestra_kit.outcomes.predictors.surface import surface
from orchestra_kit.outcomes.predictors.text import TextFeatures

__all__ = ["COMPONENTS", "Reading", "Seen", "read"]

COMPONENTS = 128
_KEPT = 6
_SEED = 0
"""Of the decomposition, which is a matter of rounding and not of what is learnt."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Some prompts as a reading sees them."""

    rows: csr_array
    """(n, features) TF-IDF."""
    surface: Floats
    """(n, columns) standardised by the prompts that were learnt from."""
    components: Floats
    """(n, k) of the decomposition, each row of length 1 where anything is known of it."""


class Reading:
    """How to read prompts, learnt from some of them. Get one by `read`."""

    def __init__(self, prompts: Texts) -> None:
        self.text = TextFeatures.fit(prompts)
        self._prompts = prompts
        raw = surface(prompts)
        self._mean = raw.mean(axis=0)
        spread = raw.std(axis=0)
        self._spread = np.where(spread > 1e-9, spread, np.inf)
        self._recent: OrderedDict[bytes, Seen] = OrderedDict()

    @cached_property
    def learnt(self) -> Seen:
        """The prompts that it was learnt from."""
        return self.see(self._prompts)

    @cached_property
    def _directions(self) -> Floats:
        """(features, k): latent semantic analysis of the prompts (Deerwester and others 1990)."""
        rows = self.text.transform(self._prompts)
        k = min(COMPONENTS, min(rows.shape) - 1)
        if k < 1:
            return np.zeros((rows.shape[1], 1))
        _, _, found = randomized_svd(rows, k, n_iter=2, random_state=_SEED)
        return np.ascontiguousarray(found.T)

    def see(self, prompts: Texts) -> Seen:
        """Any prompts; the last few are remembered."""
        key = _digest(prompts)
        if key not in self._recent:
            rows = self.text.transform(prompts)
            found = np.asarray(rows @ self._directions)
            length = np.linalg.norm(found, axis=1, keepdims=True)
            clipped = np.clip((surface(prompts) - self._mean) / self._spread, -4, 4)
            self._recent[key] = Seen(rows, clipped, found / np.where(length > 0, length, 1.0))
            while len(self._recent) > _KEPT:
                self._recent.popitem(last=False)
        return self._recent[key]


_readings: OrderedDict[bytes, Reading] = OrderedDict()


def read(prompts: Texts) -> Reading:
    """The reading of some prompts; the same one for the same prompts, if asked again soon."""
    key = _digest(prompts)
    if key not in _readings:
        _readings[key] = Reading(prompts)
        while len(_readings) > _KEPT:
            _readings.popitem(last=False)
    _readings.move_to_end(key)
    return _readings[key]


def _digest(prompts: Texts) -> bytes:
    found = blake2b(digest_size=16)
    for text in prompts:
        found.update(str(text).encode("utf-8", "surrogatepass") + b"\0")
    return found.digest()
