"""What a prompt looks like, whatever its words say: length, figures, options, code, negation."""

from __future__ import annotations

import re

import numpy as np

from orchestra_kit.outcomes.predictors.predictor import Floats, Texts

__all__ = ["NAMES", "surface"]

_COUNTED = {
    "figures": r"\d+(?:[.,]\d+)*",
    "options": r"(?m)^\s*\(?[A-J][).:]\s|\([A-J]\)\s",
    "code": r"[{};=<>]|\bdef \b|\breturn\b|\bimport\b",
    "maths": r"[\\^_+*/$]|\d\s*[-+*/=]\s*\d",
    "negation": r"(?i)\b(?:not|no|never|except|least|false|incorrect|none)\b|n't\b",
    "questions": r"\?",
    "lines": r"\n",
    "names": r"(?<=[a-z,] )[A-Z][a-z]+",
    "capitals": r"[A-Z]",
    "blanks": r"_{2,}|\.{3,}",
    "quotes": r"[\"“”'‘’]",
    "reasons": r"(?i)\b(?:why|how|because|therefore|if|suppose|assume|explain|which of)\b",
    "quantities": r"(?i)\b(?:each|every|total|percent|times|twice|half|per|more|less|than)\b|%",
}
NAMES: tuple[str, ...] = ("length", "words", "word length", "wide", *_COUNTED)
"""The columns, in order."""
_PATTERNS = tuple(re.compile(pattern) for pattern in _COUNTED.values())
_READ = 6_000


def surface(prompts: Texts) -> Floats:
    """One row a prompt, one column for each of `NAMES`: logarithms of counts, mean word length,
    and the share of characters beyond ASCII. Of very long prompts the first 6,000 characters."""
    return np.array([_row(str(text)) for text in prompts], dtype=np.float64).reshape(
        len(prompts), len(NAMES)
    )


def _row(whole: str) -> list[float]:
    text = whole[:_READ]
    words = max(len(text.split()), 1)
    wide = 0.0 if text.isascii() else sum(ord(c) > 127 for c in text) / len(text)
    counts = [float(len(pattern.findall(text))) for pattern in _PATTERNS]
    logs = np.log1p([float(len(whole)), float(words), *counts])
    return [float(logs[0]), float(logs[1]), min(len(text) / words, 20.0), wide, *logs[2:].tolist()]
