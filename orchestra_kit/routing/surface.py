"""What a request looks like, whatever it is about: length, figures, options, code, negation."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

__all__ = ["SURFACE", "surface_of"]

_OPTION = re.compile(r"\n\s*\(?[A-J][).:]|\([A-J]\)")
_CAPITAL = re.compile(r"[A-Z]")
_CODE = "{};=<>"
_MATHS = "\\^+*/$"
_QUOTES = "\"“”'‘’"
_NEGATION = frozenset({"not", "no", "never", "except", "least", "false", "incorrect", "none"})
_REASONS = frozenset({"why", "how", "because", "therefore", "if", "suppose", "assume", "explain"})
_QUANTITIES = frozenset(
    {"each", "every", "total", "percent", "times", "twice", "half", "per", "more", "less", "than"}
)

SURFACE: tuple[str, ...] = (
    "length", "words", "word length", "wide", "figures", "digits", "options", "capitals", "code",
    "maths", "quotes", "questions", "lines", "blanks", "negation", "reasons", "quantities",
)  # fmt: skip
"""The names of the columns, in order."""
_READ = 6_000


def surface_of(text: str, words: Sequence[str]) -> list[float]:
    """One number for each of `SURFACE`; `words` are the text's own by `words_of`.

    Logarithms of counts, the mean length of a word, the share of characters beyond ASCII. Of very
    long texts the first 6,000 characters.
    """
    seen = text[:_READ]
    n = max(len(words), 1)
    wide = 0.0 if seen.isascii() else sum(c > "\x7f" for c in seen) / len(seen)
    figures = [int(word[1:]) for word in words if word[0] == "#"]
    counts = (
        len(figures),
        sum(figures),
        len(_OPTION.findall(seen)),
        len(_CAPITAL.findall(seen)),
        sum(map(seen.count, _CODE)),
        sum(map(seen.count, _MATHS)),
        sum(map(seen.count, _QUOTES)),
        seen.count("?"),
        seen.count("\n"),
        seen.count("__"),
        sum(map(_NEGATION.__contains__, words)) + seen.count("n't"),
        sum(map(_REASONS.__contains__, words)),
        sum(map(_QUANTITIES.__contains__, words)) + seen.count("%"),
    )
    sizes = [math.log1p(len(text)), math.log1p(n), min(len(seen) / n, 20.0), wide]
    return sizes + [math.log1p(count) for count in counts]
