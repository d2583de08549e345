"""The constants in a condition's text, and the fields that they are compared with.

CEL compiles to a program that cannot be looked into, so this reads the text. It is used to notice
comparisons that can never be true, and to know where a rule may change its mind; evaluating a
condition never depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

__all__ = [
    "Literal",
    "comparisons",
    "conjuncts",
    "literals",
    "names_beside",
    "without_comparisons",
    "without_strings",
]

Literal: TypeAlias = str | int | float | bool

_STRING = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_NUMBER = r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.])"
_SWITCH = r"\b(?:true|false)\b"
_LITERAL = re.compile(f"(?P<string>{_STRING})|(?P<number>{_NUMBER})|(?P<switch>{_SWITCH})")
_SIDE = rf"{_STRING}|-?{_NUMBER}|{_SWITCH}"
_COMPARED = re.compile(
    rf"(?<![\w.])(?P<field>[a-z_]+)\s*(?:[<>=!]=?|\bin\b)\s*(?P<right>\[[^\]]*\]|{_SIDE})(?!\s*[-+*/%])"
    rf"|(?P<left>{_SIDE})\s*[<>=!]=?\s*(?P<other>[a-z_]+)\b(?!\s*[-+*/%.(\[])"
)


def comparisons(text: str) -> Iterator[tuple[str, tuple[Literal, ...]]]:
    """Each field that is compared with constants, and those constants."""
    for match in _COMPARED.finditer(text):
        field = match["field"] or match["other"]
        yield field, tuple(literals(match["right"] or match["left"]))


def literals(text: str) -> Iterator[Literal]:
    """Every constant in a text, in order."""
    for match in _LITERAL.finditer(text):
        if match["string"]:
            yield match["string"][1:-1]
        elif match["number"]:
            number = float(match["number"])
            yield int(number) if number.is_integer() else number
        else:
            yield match["switch"] == "true"


def names_beside(text: str) -> frozenset[str]:
    """Names that stand elsewhere than in a comparison with constants: in arithmetic, in a call, or
    alone."""
    return frozenset(re.findall(r"[A-Za-z_]\w*", without_strings(without_comparisons(text))))


def conjuncts(text: str) -> tuple[str, ...]:
    """The parts that must all be true for a text to be, where it is one long “and”; else the text
    itself."""
    bare = re.sub(_STRING, lambda match: "_" * len(match[0]), text)
    cuts, depth = [0], 0
    for place, mark in enumerate(bare):
        if mark in "([{":
            depth += 1
        elif mark in ")]}":
            depth -= 1
        elif not depth and (mark == "?" or bare.startswith("||", place)):
            return (text,)
        elif not depth and bare.startswith("&&", place):
            cuts += [place, place + 2]
    cuts.append(len(text))
    return tuple(text[start:end].strip() for start, end in zip(cuts[::2], cuts[1::2], strict=True))


def without_comparisons(text: str) -> str:
    """What is left of a text without the comparisons of fields with constants."""
    return _COMPARED.sub(" ", text)


def without_strings(text: str) -> str:
    """A text with its string constants emptied."""
    return re.sub(_STRING, '""', text)
