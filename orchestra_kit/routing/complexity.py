"""How hard and how vague a request looks, each from 0 to 100, from counts alone.

Both are sums of parts. A part grows in proportion to one count and stops at its full weight, so
that neither can fall when a request asks for more. The weights are judgements, set so that the
requests of the ContentForge example spread over the scale; they are tables here so that they can be
read, argued about and measured against recorded quality.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["AMBIGUITY", "COMPLEXITY", "Part", "ambiguity", "ambiguity_counts", "complexity",
           "complexity_counts"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """One addend: `weight` points once the count has come to `full`, in proportion below."""

    weight: float
    full: float
    counts: str


COMPLEXITY: Mapping[str, Part] = {
    "length": Part(30, 2500, "words asked for"),
    "requirements": Part(24, 6, "demands: must, include, with, at least, enumerated items"),
    "reasoning": Part(20, 2, "different verbs of reasoning: analyse, argue, prove, plan"),
    "evidence": Part(12, 2, "different kinds of support: sources, data, examples, case studies"),
    "terms": Part(14, 6, "different words of ten letters or more"),
    "comparison": Part(10, 1, "things set against each other"),
    "code": Part(10, 1, "program code"),
    "maths": Part(10, 1, "mathematics"),
    "brief": Part(12, 150, "words of the request itself"),
    "sentences": Part(8, 30, "words in the mean sentence"),
    "form": Part(4, 1, "a form other than plain text"),
}
"""Parts of complexity; their sum is cut at 100."""

AMBIGUITY: Mapping[str, Part] = {
    "brevity": Part(40, 11, "words that are missing to a request of twelve"),
    "vague": Part(36, 3, "words that leave the matter open: something, nice, stuff"),
    "dangling": Part(20, 1, "this or it in a short request, with nothing attached to point to"),
    "choices": Part(10, 2, "alternatives left open by or"),
    "unspecific": Part(10, 1, "neither a figure nor a name nor a quotation"),
}
"""Parts of ambiguity; their sum is cut at 100."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_REASONING = _set(
    "analyse analyze analysing analyzing analysis analytical argue arguing assess assessing "
    "assessment evaluate evaluating evaluation critique criticise justify justifying prove proof "
    "derive deduce infer reason reasoning explain explaining explore exploring diagnose debug "
    "investigate investigating optimise optimize plan design strategy strategic synthesise "
    "synthesize weigh weighing implications consequences interpret predict forecast recommend "
    "recommendations refute examine examining"
)
_EVIDENCE = _set(
    "sources source citations citation cite citing references evidence data statistics figures "
    "study studies research example examples interviews interview quotes survey surveys numbers "
    "footnotes bibliography expert experts"
)
_COMPARISON = _set(
    "compare compares comparing comparison comparative versus vs contrast contrasting contrasts "
    "trade-off trade-offs tradeoff tradeoffs difference differences pros cons alternatives "
    "advantages disadvantages"
)
_DEMANDS = _set(
    "must should include including includes cover covering covers ensure avoid avoiding without "
    "mention mentioning address addressing exactly only least most between needs require requires "
    "required with add keep also not never each every end start"
)
_VAGUE = _set(
    "something anything some stuff things thing whatever nice good great cool interesting better "
    "maybe perhaps somehow somewhat etc kind sort bit few several various appropriate suitable "
    "relevant proper usual normal fun catchy awesome"
)
_POINTING = _set("this it that these those them one ones same again")
_ITEMS = re.compile(r"(?m)^\s{0,20}(?:[-*•]|\d{1,2}[.)])\s")
_BREAKS = re.compile(r"[.!?;\n]+(?:\s|$)|[。！？]")
_SPECIFIC = re.compile(r"\d|[\"“”«»]|(?<=[a-z,] )[A-Z][a-z]")


def complexity_counts(
    text: str,
    words: Sequence[str],
    different: frozenset[str],
    *,
    words_asked: int,
    code: bool,
    maths: bool,
    form: bool,
) -> dict[str, float]:
    """What the parts of complexity count, of a request's text, words and different words."""
    return {
        "length": words_asked,
        "requirements": _demands(text, words),
        "reasoning": len(different & _REASONING),
        "evidence": len(different & _EVIDENCE),
        "terms": len([word for word in different if len(word) >= 10]),
        "comparison": len(different & _COMPARISON),
        "code": float(code),
        "maths": float(maths),
        "brief": len(words),
        "sentences": len(words) / (1 + len(_BREAKS.findall(text.rstrip(" \n.!?")))),
        "form": float(form),
    }


def ambiguity_counts(
    text: str, words: Sequence[str], different: frozenset[str], *, attachments: int
) -> dict[str, float]:
    """What the parts of ambiguity count; `text` as it was written, with its capitals."""
    short = len(words) < 12
    return {
        "brevity": max(0, 12 - len(words)),
        "vague": len(different & _VAGUE),
        "dangling": float(short and not attachments and not different.isdisjoint(_POINTING)),
        "choices": words.count("or"),
        "unspecific": float(_SPECIFIC.search(text) is None),
    }


def complexity(counts: Mapping[str, float]) -> float:
    """0-100, to one decimal, of the counts that `COMPLEXITY` names."""
    return _sum(COMPLEXITY, counts)


def ambiguity(counts: Mapping[str, float]) -> float:
    """0-100, to one decimal, of the counts that `AMBIGUITY` names."""
    return _sum(AMBIGUITY, counts)


def _sum(parts: Mapping[str, Part], counts: Mapping[str, float]) -> float:
    total = 0.0
    for name, part in parts.items():
        count = counts[name]
        total += part.weight if count >= part.full else part.weight * count / part.full
    return min(100.0, round(total, 1))


def _demands(text: str, words: Sequence[str]) -> int:
    found = sum(map(_DEMANDS.__contains__, words))
    # Commas enumerate: every second one stands for a demand, so that prose does not saturate.
    return found + text.count(",") // 2 + len(_ITEMS.findall(text))
