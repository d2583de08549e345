"""From a request to its context: the measured fields that rules decide by.

Everything here is counted or declared; nothing in the text is obeyed. The time is bounded: of a
text longer than `LOOKED_AT` characters only its beginning and its end are read, where requests say
what they want, and counts that grow with length are scaled up. A request of any size, with any
characters, has a context.
"""

from __future__ import annotations

import re
from datetime import UTC

from orchestra_kit.core.decision import Classification
from orchestra_kit.core.request import Context, Request
from orchestra_kit.routing.complexity import (
    ambiguity,
    ambiguity_counts,
    complexity,
    complexity_counts,
)
from orchestra_kit.routing.language import language_of
from orchestra_kit.routing.length import estimated_tokens, words_asked
from orchestra_kit.routing.wording import (
    format_asked,
    is_urgent,
    mentions_code,
    mentions_maths,
    parts_of,
)

__all__ = ["LOOKED_AT", "measure", "sample_of"]

LOOKED_AT = 6_000
"""Characters of a request that are read: its first two thirds and its last third."""
URGENT_WITHIN = 10.0
"""A sender who waits at most so many seconds is in a hurry."""

_WIDE = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_WIDE}]|[^\W_{_WIDE}]+(?:[-'’][^\W_{_WIDE}]+)*")
_ASCII_WORD = re.compile(r"[a-z0-9]+(?:[-'][a-z0-9]+)*")
_WIDE_LETTER = re.compile(rf"[{_WIDE}]")


def measure(
    request: Request,
    classification: Classification,
    *,
    budget_left: float,
    difficulty: float | None = None,
) -> Context:
    """The context of a classified request; `budget_left` is a share, 0-1, and `difficulty` what a
    model of success says, 0-100.

    Tokens are estimated by `length.estimated_tokens`; complexity and ambiguity are the sums of
    `complexity.COMPLEXITY` and `complexity.AMBIGUITY`. Never raises, whatever the text.
    """
    text = sample_of(request.text)
    lower = text.lower()
    words = _words(lower)
    wide = 0 if lower.isascii() else len(_WIDE_LETTER.findall(lower))
    different = frozenset(words)
    parts = parts_of(different)
    asked = words_asked(lower)
    code, maths = mentions_code(lower, parts), mentions_maths(lower, parts)
    form = format_asked(lower, parts)
    attachments = len(request.attachments)
    hard = complexity_counts(
        lower, words, different,
        words_asked=asked, code=code, maths=maths, form=form != "text",
    )  # fmt: skip
    vague = ambiguity_counts(text, words, different, attachments=attachments)
    return Context(
        task=classification.task,
        tier=request.tier,
        confidence=classification.confidence,
        words=asked,
        tokens=estimated_tokens(text, len(request.text), len(words), wide),
        complexity=complexity(hard),
        ambiguity=ambiguity(vague),
        code=code,
        maths=maths,
        language=language_of(lower, words),
        format=form,
        attachments=attachments,
        urgent=is_urgent(lower, parts)
        or (request.within is not None and request.within <= URGENT_WITHIN),
        session_turns=request.session_turns,
        budget_left=min(1.0, max(0.0, budget_left)),
        hour=request.arrived.astimezone(UTC).hour,
        difficulty=difficulty,
    )


def sample_of(text: str) -> str:
    """The part of a text that is read: all of it, or its beginning and its end."""
    if len(text) <= LOOKED_AT:
        return text
    tail = LOOKED_AT // 3
    return f"{text[: LOOKED_AT - tail]}\n{text[-tail:]}"


def _words(lower: str) -> list[str]:
    return (_ASCII_WORD if lower.isascii() else _WORD).findall(lower)
