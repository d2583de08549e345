"""Folds of queries in which equal prompts are never parted."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from orchestra_kit.outcomes.prompt_key import prompt_codes

__all__ = ["folds_of"]


def folds_of(prompts: Iterable[str], k: int, seed: int) -> npt.NDArray[np.int64]:
    """A fold for each prompt, 0 to k - 1; equal prompts share one, whatever their spaces and
    capitals. The different prompts are dealt out evenly."""
    codes = prompt_codes(prompts)
    dealt = np.arange(int(codes.max(initial=-1)) + 1) % k
    np.random.default_rng(seed).shuffle(dealt)
    return np.asarray(dealt[codes], dtype=np.int64)
