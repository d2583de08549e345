"""What the wording of a request shows: code, mathematics, the form asked for, urgency.

Each is a mark found or not found. A false mark costs a worse route, never a wrong permission:
nothing here reads what the text tells us to do with it.
"""

from __future__ import annotations

import re

__all__ = ["format_asked", "is_urgent", "mentions_code", "mentions_maths"]

_PROGRAMMING = (
    r"python|javascript|typescript|java|kotlin|rust|golang|go|ruby|php|sql|bash|powershell|swift|"
    r"scala|perl|c\+\+|c#|html|css|react"
)
_CODE = re.compile(
    r"```|\bdef \w+\(|\bclass \w+[:({]|#include\b|\bselect\b.{1,80}\bfrom\b.{1,80}\bwhere\b"
    r"|=>|[;{]\s*\n|</\w+>|\bimport \w+(?:\.\w+)*\s*(?:\n|$)|\breturn \w+;"
    rf"|\b(?:{_PROGRAMMING})[ -](?:function|script|code|program|class|method|query|module|snippet"
    r"|test|decorator|library|package|api|app|one-liner|developer|exception|error)"
    r"|\b(?:in|using|with) (?:python|javascript|typescript|java|kotlin|golang|php|sql|bash"
    r"|powershell|c\+\+|c#)(?!\w)"
    r"|\b(?:source code|code review|codebase|unit tests?|stack ?trace|traceback|regex"
    r"|regular expression|refactor|compiler?|debug|pull request|rest api|api endpoint"
    r"|sql query|null pointer|shell script|dockerfile|recursive function|function that returns)\b"
)
_CODE_HINT = re.compile(
    r"```|[;{=<#]|\b(?:code|def|class|import|select|function|script|tests?|trace\w*|regex|regular"
    rf"|refactor|compiler?|debug|pull|api|null|shell|dockerfile|{_PROGRAMMING})(?!\w)"
)
_MATHS = re.compile(
    r"\$[^$\n]{0,200}\\[a-z]+|\\(?:frac|sum|int|sqrt|begin)\b"
    r"|\d\s*[+*/^×÷=]\s*\d|\b[xyn]\s*[\^=+]\s*-?\d|\d+\s*%\s+of\b|[∑∫√≤≥∀∃∂]"
    r"|\b(?:solve for|equations?|integral of|derivative|theorem|lemma|polynomial|eigenvalues?"
    r"|matrix multiplication|prime numbers?|factori[sz]e|modulo|probability (?:of|that)"
    r"|square root|arithmetic|algebra|calculus|prove that|standard deviation|least common multiple)"
    r"\b"
)
_QUANTITY = re.compile(
    r"\b(?:how many|how much|how (?:far|long|old|fast)|what is the total|in total|altogether"
    r"|what percent|on average|what fraction|how often)\b"
)
_NUMBERS = re.compile(
    r"\d+|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|half|twice|double)\b"
)
_FORMATS = (
    ("json", re.compile(r"\bjson\b")),
    (
        "table",
        re.compile(
            r"\b(?:as|in|into|create|make|build|draw up|give me) (?:an? |the )?(?:[\w-]+ )?table\b"
            r"(?! lamp)|\bcomparison table\b|\bcsv\b|\bspreadsheet\b|\btabular\b"
        ),
    ),
    (
        "list",
        re.compile(
            r"\bbullet(?:s|ed)?\b|\bnumbered\b|\bchecklist\b|\bas an? list\b"
            r"|\blist (?:of|the|all|\w+ (?:ways|ideas|reasons|things|tips|examples))\b"
        ),
    ),
    ("markdown", re.compile(r"\bmarkdown\b")),
)
_FORMAT_HINT = re.compile(r"json|table|csv|spreadsheet|tabular|bullet|numbered|list|markdown")
_URGENT = re.compile(
    r"\burgent(?:ly)?\b|\basap\b|\bas soon as possible\b|\bimmediately\b|\bright (?:now|away)\b"
    r"|\bemergency\b|\b(?:by|before) (?:noon|tonight|midnight|end of day|eod|close of business)\b"
    r"|\bwithin (?:the|an|one) hour\b|\bbreaking news\b|\btime[- ]critical\b"
)


def mentions_code(text: str) -> bool:
    """Whether a lower-cased text holds or asks for program code."""
    return _CODE_HINT.search(text) is not None and _CODE.search(text) is not None


def mentions_maths(text: str) -> bool:
    """Whether a lower-cased text holds mathematics, or asks for a quantity and gives two."""
    if _MATHS.search(text):
        return True
    return _QUANTITY.search(text) is not None and len(_NUMBERS.findall(text)) >= 2


def format_asked(text: str) -> str:
    """``json``, ``table``, ``list``, ``markdown`` or ``text``, of a lower-cased request."""
    if _FORMAT_HINT.search(text):
        for name, pattern in _FORMATS:
            if pattern.search(text):
                return name
    return "text"


def is_urgent(text: str) -> bool:
    """Whether a lower-cased text says that it cannot wait."""
    return _URGENT.search(text) is not None
