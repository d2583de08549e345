"""The length that a request asks for, in words, and the length of the request itself, in tokens."""

from __future__ import annotations

import re

__all__ = ["estimated_tokens", "words_asked"]

LONGEST = 1_000_000
"""A longer wish is taken for this many words."""
WORDS_PER_PAGE = 500
"""A single-spaced page in a 12-point face."""
WORDS_PER_PARAGRAPH = 100
WORDS_PER_SENTENCE = 18
CHARACTERS_PER_WORD = 6
"""English, with the space."""
TYPICAL = {
    "tweet": 40,
    "tagline": 8,
    "slogan": 8,
    "headline": 10,
    "haiku": 12,
    "limerick": 30,
}
"""Kinds of text whose name is a length; a tweet is 280 characters."""

_SMALL = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_LARGE = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 1_000_000}
_UNITS = {
    "word": 1.0, "words": 1.0, "palabras": 1.0, "wörter": 1.0, "wörtern": 1.0, "mots": 1.0,
    "parole": 1.0, "palavras": 1.0, "woorden": 1.0, "слов": 1.0, "字": 1.0,
    "page": WORDS_PER_PAGE, "pages": WORDS_PER_PAGE,
    "paragraph": WORDS_PER_PARAGRAPH, "paragraphs": WORDS_PER_PARAGRAPH,
    "sentence": WORDS_PER_SENTENCE, "sentences": WORDS_PER_SENTENCE,
    "character": 1 / CHARACTERS_PER_WORD, "characters": 1 / CHARACTERS_PER_WORD,
}  # fmt: skip
_DIGITS = r"(?:\d{1,3}(?:[,.]\d{3})+|\d{1,7}(?:\.\d{1,2})?)(?!\d)\s?k?"
_SPELT = rf"(?:{'|'.join(_SMALL)})(?:[ -](?:{'|'.join(_LARGE)}))?|(?:{'|'.join(_LARGE)})"
_AMOUNT = re.compile(
    rf"(?<![\w.,$€£])(?:(?:{_DIGITS})\s{{0,2}}(?:-|–|—|to|or|and|bis|à)\s{{0,2}})?"
    rf"(?P<amount>{_DIGITS}|{_SPELT})[ -]{{0,2}}(?P<unit>{'|'.join(_UNITS)})(?!\w)"
)
_OF_THE_INPUT = re.compile(
    r"(?:\b(?:this|that|these|those|attached|following|existing|current|my|our|his|her|their|your)"
    r"(?: \w+)?"
    r"|\b(?:summari[sz]e|condense|shorten|translate|proofread|edit|review|cut|trim|classify)"
    r"(?: (?:a|an|the))?)\s*$"
)
_TYPICAL = re.compile(
    r"\b(?:write|draft|compose|create|craft|need|want|give me|suggest)(?: (?!about)[\w'-]+){0,4}? "
    rf"(?P<kind>{'|'.join(TYPICAL)})\b"
)
_UNIT_HINT = re.compile(rf"(?:{'|'.join(sorted(_UNITS, key=len))})")


def words_asked(text: str) -> int:
    """Words that a request asks for; 0 where it names no length.

    `text` is lower-cased. Of a range the upper end; of several lengths the longest. Lengths of
    what the request brings along (“this 5,000-word report”) do not count. Pages, paragraphs,
    sentences and characters are turned into words by the constants of this module.
    """
    longest = 0.0
    if _UNIT_HINT.search(text):
        for match in _AMOUNT.finditer(text):
            if not _OF_THE_INPUT.search(text, max(0, match.start() - 40), match.start()):
                longest = max(longest, _number(match["amount"]) * _UNITS[match["unit"]])
    if not longest and any(name in text for name in TYPICAL) and (kind := _TYPICAL.search(text)):
        return TYPICAL[kind["kind"]]
    return min(LONGEST, round(longest))


def estimated_tokens(text: str, length: int, words: int, wide: int) -> int:
    """Tokens of a text of `length` characters, of which `text` is a sample.

    `words` and `wide` count the sample's words, and its characters of scripts that write without
    spaces. The mean of OpenAI's two rules of thumb (four characters a token, three words for four
    tokens), and one token for each wide character; within about 15 % for English prose.
    """
    if not text:
        return 0
    narrow = len(text) - wide
    spaced = max(0, words - wide)
    sample = (narrow / 4 + spaced * 4 / 3) / 2 + wide
    return max(1, round(sample * length / len(text)))


def _number(written: str) -> float:
    if written[0].isdigit():
        times = 1000.0 if written.endswith("k") else 1.0
        digits = written.rstrip("k ").replace(",", "")
        # 1.500 is one thousand five hundred in half of Europe, and nobody asks for 1.5 words.
        if re.fullmatch(r"\d{1,3}(?:\.\d{3})+", digits):
            digits = digits.replace(".", "")
        return float(digits) * times
    total = 1.0
    for part in re.split(r"[ -]", written):
        total *= _SMALL.get(part) or _LARGE[part]
    return total
