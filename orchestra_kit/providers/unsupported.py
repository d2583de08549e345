"""Which parameter a model says it does not take, so that the call can be made without it.

Some models answer 400 to a parameter that their siblings take: OpenAI's reasoning models to
``temperature``, newer ones to ``max_tokens``, Anthropic's to sampling. The provider names it in a
field or in a sentence; only what was sent, and may be left out, is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from orchestra_kit.providers.failures import ErrorBody

__all__ = ["rejected_parameter"]

_CODES = frozenset(
    {"unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"}
)
_SAYS = re.compile(
    r"unsupported (parameter|value|argument)|not supported|does not support|not support the"
    r"|un(known|recognized) (parameter|name|field|request argument|argument)"
    r"|extra (inputs|fields) (are )?not permitted|is deprecated for this model|cannot find field",
    re.IGNORECASE,
)
"""OpenAI, xAI, Gemini, Anthropic and everything that validates with pydantic, in that order."""


def rejected_parameter(error: ErrorBody, optional: Mapping[str, str]) -> str:
    """The parameter as the call named it; empty where the error is about something else.

    `optional` are those that were sent and may be left out, by their name in the protocol.
    """
    if not (_CODES & set(error.words) or _SAYS.search(error.message)):
        return ""
    for part in reversed(re.split(r"[.\[\]'\"]+", error.parameter)):
        if part in optional:
            return optional[part]
    places = {
        name: found.start()
        for name in optional
        if (found := re.search(rf"(?<!\w){re.escape(name)}(?!\w)", error.message))
    }
    return optional[min(places, key=lambda name: places[name])] if places else ""
