"""What the wording of a request shows: code, mathematics, the form asked for, urgency.

Each is a mark found or not found. A false mark costs a worse route, never a wrong permission:
nothing here reads what the text tells us to do with it.

A mark has several signs, and each sign is looked for only where the text holds one of the words or
characters that it cannot do without: most texts hold none, and looking for them all takes far
longer than the rest of a decision.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass

__all__ = ["TRIGGERS", "format_asked", "is_urgent", "mentions_code", "mentions_maths", "parts_of"]


@dataclass(frozen=True, slots=True)
class _Sign:
    """A pattern, and what a text must hold for it to be worth a search."""

    pattern: re.Pattern[str]
    words: frozenset[str]
    """Any one of these."""
    characters: tuple[str, ...]
    """Or any one of these."""

    def shows(self, text: str, parts: Set[str]) -> bool:
        if self.words.isdisjoint(parts):
            for character in self.characters:
                if character in text:
                    break
            else:
                return False
        return self.pattern.search(text) is not None


class _Mark:
    """Several signs, any of which will do."""

    __slots__ = ("_characters", "_signs", "words")

    def __init__(self, *signs: _Sign) -> None:
        self._signs = signs
        self.words = frozenset[str]().union(*(sign.words for sign in signs))
        characters = [re.escape(c) for sign in signs for c in sign.characters]
        self._characters = re.compile("|".join(characters)) if characters else None

    def shows(self, text: str, parts: Set[str]) -> bool:
        if self.words.isdisjoint(parts) and not (
            self._characters and self._characters.search(text)
        ):
            return False
        return any(sign.shows(text, parts) for sign in self._signs)


def _sign(pattern: str, words: str = "", characters: str = "") -> _Sign:
    return _Sign(re.compile(pattern), frozenset(words.split()), tuple(characters.split()))


_LANGUAGES = (
    "python javascript typescript java kotlin rust golang go ruby php sql bash powershell swift "
    "scala perl html css react"
)
_PROGRAMMING = "|".join([*_LANGUAGES.split(), r"c\+\+", "c#"])
_CODE = _Mark(
    _sign(r"```", characters="```"),
    _sign(r"=>", characters="=>"),
    _sign(r"[;{]\s*\n", characters="; {"),
    _sign(r"</\w+>", characters="</"),
    _sign(r"#include\b", "include"),
    _sign(r"\bdef \w+\(", "def"),
    _sign(r"\bclass \w+[:({]", "class"),
    _sign(r"\bselect\b.{1,80}\bfrom\b.{1,80}\bwhere\b", "select"),
    _sign(r"\bimport \w+(?:\.\w+)*\s*(?:\n|$)", "import"),
    _sign(r"\breturn \w+;", "return"),
    _sign(
        rf"\b(?:{_PROGRAMMING})[ -](?:function|script|code|program|class|method|query|module"
        r"|snippet|test|decorator|library|package|api|app|one-liner|developer|exception|error)"
        r"|\b(?:in|using|with) (?:python|javascript|typescript|java|kotlin|golang|php|sql|bash"
        r"|powershell|c\+\+|c#)(?!\w)",
        _LANGUAGES,
        "c++ c#",
    ),
    _sign(
        r"\b(?:source code|code review|codebase|unit tests?|stack ?trace|traceback|regex"
        r"|regular expression|refactor|compiler?|debug|pull request|rest api|api endpoint"
        r"|sql query|null pointer|shell script|dockerfile|recursive function"
        r"|function that returns)\b",
        "code codebase unit stack stacktrace traceback regex regular refactor compile compiler "
        "debug pull api sql null shell dockerfile recursive function",
    ),
)
_MATHS = _Mark(
    _sign(r"\$[^$\n]{0,200}\\[a-z]+|\\(?:frac|sum|int|sqrt|begin)\b", characters="\\"),
    _sign(r"\d\s*[+*/^×÷=]\s*\d", characters="+ * / ^ × ÷ ="),
    _sign(r"\b[xyn]\s*[\^=+]\s*-?\d", characters="^ = +"),
    _sign(r"\d+\s*%\s+of\b", characters="%"),
    _sign(r"[∑∫√≤≥∀∃∂]", characters="∑ ∫ √ ≤ ≥ ∀ ∃ ∂"),
    _sign(
        r"\b(?:solve for|equations?|integral of|derivative|theorem|lemma|polynomial|eigenvalues?"
        r"|matrix multiplication|prime numbers?|factori[sz]e|modulo|probability (?:of|that)"
        r"|square root|arithmetic|algebra|calculus|prove that|standard deviation"
        r"|least common multiple)\b",
        "solve equation equations integral derivative theorem lemma polynomial eigenvalue "
        "eigenvalues multiplication prime factorise factorize modulo probability root arithmetic "
        "algebra calculus prove deviation multiple",
    ),
)
_QUANTITY = _sign(
    r"\b(?:how many|how much|how (?:far|long|old|fast)|what is the total|in total|altogether"
    r"|what percent|on average|what fraction|how often)\b",
    "how total altogether percent average fraction",
)
_NUMBERS = re.compile(
    r"\d+|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|half|twice|double)\b"
)
_FORMATS = (
    ("json", _sign(r"\bjson\b", "json")),
    (
        "table",
        _sign(
            r"\b(?:as|in|into|create|make|build|draw up|give me) (?:an? |the )?(?:[\w-]+ )?table\b"
            r"(?! lamp)|\bcomparison table\b|\bcsv\b|\bspreadsheet\b|\btabular\b",
            "table csv spreadsheet tabular",
        ),
    ),
    (
        "list",
        _sign(
            r"\bbullet(?:s|ed)?\b|\bnumbered\b|\bchecklist\b|\bas an? list\b"
            r"|\blist (?:of|the|all|\w+ (?:ways|ideas|reasons|things|tips|examples))\b",
            "bullet bullets bulleted numbered checklist list",
        ),
    ),
    ("markdown", _sign(r"\bmarkdown\b", "markdown")),
)
_FORMAT_WORDS = frozenset[str]().union(*(sign.words for _, sign in _FORMATS))
_URGENT = _sign(
    r"\burgent(?:ly)?\b|\basap\b|\bas soon as possible\b|\bimmediately\b|\bright (?:now|away)\b"
    r"|\bemergency\b|\b(?:by|before) (?:noon|tonight|midnight|end of day|eod|close of business)\b"
    r"|\bwithin (?:the|an|one) hour\b|\bbreaking news\b|\btime[- ]critical\b",
    "urgent urgently asap soon immediately right emergency noon tonight midnight end eod close "
    "hour breaking critical",
)
TRIGGERS = frozenset[str]().union(
    _CODE.words, _MATHS.words, _QUANTITY.words, _FORMAT_WORDS, _URGENT.words
)
"""Every word that makes some sign worth a search."""

_JOINTS = re.compile(r"[-'’]")


def parts_of(words: Iterable[str]) -> frozenset[str]:
    """The different words of a lower-cased text, and the parts of those that hyphens or apostrophes
    join: what a pattern takes for a word."""
    found = frozenset(words)
    joined = [word for word in found if not word.isalnum()]
    if not joined:
        return found
    return found.union(*map(_JOINTS.split, joined))


def mentions_code(text: str, parts: Set[str]) -> bool:
    """Whether a lower-cased text, with the parts of its words, holds or asks for program code."""
    return _CODE.shows(text, parts)


def mentions_maths(text: str, parts: Set[str]) -> bool:
    """Whether a lower-cased text holds mathematics, or asks for a quantity and gives two."""
    if _MATHS.shows(text, parts):
        return True
    return _QUANTITY.shows(text, parts) and len(_NUMBERS.findall(text)) >= 2


def format_asked(text: str, parts: Set[str]) -> str:
    """``json``, ``table``, ``list``, ``markdown`` or ``text``, of a lower-cased request."""
    if not _FORMAT_WORDS.isdisjoint(parts):
        for name, sign in _FORMATS:
            if sign.shows(text, parts):
                return name
    return "text"


def is_urgent(text: str, parts: Set[str]) -> bool:
    """Whether a lower-cased text says that it cannot wait."""
    return _URGENT.shows(text, parts)
