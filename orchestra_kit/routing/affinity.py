"""Staying with the deployment that has a session's beginning in its prompt cache.

Load balancing destroys prompt caching: the next turn of a session costs the full price of all that
was said before wherever it was not said before. So the warm one of several equal deployments goes
first, and where deployments are scored it is scored by what the turn costs there, cache included:
a switch happens where another one is better all the same.
"""

from __future__ import annotations

from orchestra_kit.core.request import Context, Request

__all__ = ["affinity_key", "warm_tokens"]


def affinity_key(request: Request) -> str:
    """What requests have in common that share the beginning of a prompt: their session.

    Empty where there is none: text alone does not tell where a shared beginning ends.
    """
    return request.session


def warm_tokens(context: Context) -> int:
    """Tokens of a session's prompt that its warm deployment will probably read from its cache.

    Each turn is taken to be as long as the others, so that after n turns all but one part in n + 1
    was sent before. A warm session has had at least one.
    """
    turns = max(1, context.session_turns)
    return context.tokens * turns // (turns + 1)
