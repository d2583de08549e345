"""What is seen of a text by everything that learns from words: words, pairs and pieces of words.

The classifier of tasks and the models of success are trained on these features on floor 4 and
evaluated on them here, so that both sides read a request alike.
"""

from __future__ import annotations

import re
from itertools import pairwise

__all__ = ["LOOKED_AT", "PIECE", "features", "pieces_of", "words_of"]

LOOKED_AT = 600
"""Characters of a request that are read: a task shows itself early, or at the end. Three times the
longest example that the shipped classifiers learned from; reading 2,000 named no task better."""
PIECE = "~"
"""What the name of a piece of a word begins with."""
_LONGEST_WORD = 30

_WIDE = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_WIDE}]|[^\W\d_{_WIDE}]+|\d+(?:[.,]\d+)*")
_ASCII_TOKEN = re.compile(r"[a-z]+|\d+(?:[.,]\d+)*")


def features(text: str) -> list[str]:
    """What the classifier sees of a text: words, pairs of neighbouring words, pieces of words.

    Pieces are three to five letters with the word's edges (``~<illu``): they know “illustrated”
    by “illustration”. Figures are kept by their number of digits (``#4`` for 2,500): that an
    article has a length says what it is, the exact length does not. Scripts without spaces give
    one word a character.
    """
    words = words_of(text)
    found = words + [f"{a} {b}" for a, b in pairwise(words)]
    for word in words:
        found += pieces_of(word)
    return found


def words_of(text: str, looked_at: int = LOOKED_AT) -> list[str]:
    """The words of a text in lower case, in order; of a longer one than `looked_at` characters
    those of its beginning and of its last quarter of them."""
    if len(text) > looked_at:
        tail = looked_at // 4
        text = f"{text[: looked_at - tail]} {text[-tail:]}"
    lower = text.lower()
    return [
        word if word[0].isalpha() else f"#{sum(c.isdigit() for c in word)}"
        for word in (_ASCII_TOKEN if lower.isascii() else _TOKEN).findall(lower)
    ]


def pieces_of(word: str) -> tuple[str, ...]:
    """The pieces of a word; a figure has none."""
    if word[0] == "#":
        return ()
    edged = f"<{word[:_LONGEST_WORD]}>"
    return tuple(
        f"{PIECE}{edged[start : start + size]}"
        for size in (3, 4, 5)
        for start in range(len(edged) - size + 1)
    )
