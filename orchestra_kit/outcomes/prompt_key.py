"""When two prompts are the same one, and on which side of a split a prompt lies.

Capitals and spaces do not make another prompt. Whatever learns from some queries and is judged on
others holds prompts apart by this key: splits, folds, clusters.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestra_kit.core.ids import stable_seed

__all__ = ["on_test_side", "prompt_codes", "prompt_key"]

_SPAN = 2**64
"""`stable_seed` is spread evenly below it."""


def prompt_key(prompt: str) -> str:
    """The prompt in lower case, with every run of white space as one space."""
    return " ".join(prompt.lower().split())


def prompt_codes(prompts: Iterable[str]) -> npt.NDArray[np.int64]:
    """A whole number from 0 for each prompt, by first appearance; equal prompts share it."""
    keys = np.asarray([prompt_key(prompt) for prompt in prompts], dtype=object)
    return np.asarray(pd.factorize(keys)[0], dtype=np.int64)


def on_test_side(prompts: Iterable[str], share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Whether each prompt is for testing, by a hash of its key and the seed alone.

    A prompt is thus on one side in every table. `share`, 0-1, is what is to be expected of prompts.
    """
    limit = round(share * _SPAN)
    sides: dict[str, bool] = {}
    found = []
    for prompt in prompts:
        side = sides.get(prompt)
        if side is None:
            side = sides[prompt] = stable_seed("split", seed, prompt_key(prompt)) < limit
        found.append(side)
    return np.asarray(found, dtype=np.bool_)
