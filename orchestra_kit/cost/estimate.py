"""What a call will probably cost, and what it can cost at most, before it is made."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from orchestra_kit.core.answer import Usage, UsageStatus
from orchestra_kit.core.money import from_nanos, to_nanos
from orchestra_kit.core.request import Context
from orchestra_kit.cost.pricing import cost_of, dearest_cost_of
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.prices import Price

__all__ = [
    "TOKENS_PER_WORD",
    "billed_cost",
    "expected_cost",
    "expected_usage",
    "upper_cost",
    "upper_usage",
]

TOKENS_PER_WORD = 4 / 3
"""OpenAI's rule of thumb for English: 100 tokens are about 75 words."""
CHARACTERS_PER_TOKEN = 4
"""The same rule: a token is about four characters."""
CHARACTERS_PER_SECOND = 15.0
"""English read aloud at about 150 words a minute, six characters to a word with its space."""
SLOWEST_SPEECH = 5.0
"""Characters a second below which no voice is assumed to speak: bounds audio billed by second."""
TEMPLATE_TOKENS = 64
"""Tokens that a provider's chat template may add around the text."""
_VERBOSITY = (0.5, 2.0)


def expected_usage(
    policy: Policy, deployment: str, task: str, context: Context, *, warm_tokens: int = 0
) -> Usage | None:
    """What a request will probably consume; None where nothing was measured that would tell.

    `warm_tokens` of the prompt, such as the beginning that a session repeats, are expected to be
    read from the provider's cache; no more than the prompt has.

    Text: the mean output measured for this deployment at this task. Where the request names a
    length, that length in tokens instead, times this deployment's verbosity: its mean output over
    the mean of all deployments measured at the task, held between 0.5 and 2. Never more than the
    task's `max_output_tokens`.
    """
    makes = policy.model_of(deployment).makes
    if makes == "image":
        return Usage(input_tokens=context.tokens, images=1, status=UsageStatus.ESTIMATED)
    if makes == "audio":
        characters = context.tokens * CHARACTERS_PER_TOKEN
        return Usage(
            input_tokens=context.tokens,
            characters=characters,
            seconds=characters / CHARACTERS_PER_SECOND,
            status=UsageStatus.ESTIMATED,
        )
    cell = policy.capabilities.cell(deployment, task)
    if cell is None and not context.words:
        return None
    output = cell.output_tokens if cell else 0.0
    if context.words:
        output = context.words * TOKENS_PER_WORD * _verbosity(policy, task, output)
    cached = min(max(warm_tokens, 0), context.tokens)
    return Usage(
        input_tokens=context.tokens - cached,
        cached_tokens=cached,
        output_tokens=min(round(output), policy.tasks[task].max_output_tokens),
        status=UsageStatus.ESTIMATED,
    )


def expected_cost(
    policy: Policy,
    deployment: str,
    task: str,
    context: Context,
    on: date,
    *,
    warm_tokens: int = 0,
) -> Decimal | None:
    """Dollars that a request will probably cost at a deployment, `warm_tokens` of its prompt
    read from the provider's cache; None where unknown."""
    usage = expected_usage(policy, deployment, task, context, warm_tokens=warm_tokens)
    return None if usage is None else billed_cost(policy, deployment, usage, on)


def billed_cost(policy: Policy, deployment: str, usage: Usage, on: date) -> Decimal | None:
    """Dollars of a usage at a deployment, counted in the units that its model is billed by; None
    where the usage or the price of such a unit is unknown.

    Pictures are billed by the picture, or by their tokens where the price book names no price of
    one, and by their prompt's tokens only where the book prices those; speech by character, by
    second or by token, whichever the book names first in this order; text by token.
    """
    price = policy.prices.price(policy.deployments[deployment].model, on)
    if price is None:
        return None
    return cost_of(_billed(usage, price, policy.model_of(deployment).makes), price)


def upper_usage(
    policy: Policy,
    deployment: str,
    task: str,
    text: str,
    *,
    system: str = "",
    max_output_tokens: int | None = None,
) -> Usage:
    """What one send can consume at most.

    Input is bounded by the bytes of the text in UTF-8: a byte-level tokenizer never makes more
    tokens than bytes. Output is bounded by `max_output_tokens`, the task's where None.
    """
    size = len(text.encode("utf-8", "surrogatepass")) + len(system.encode("utf-8", "surrogatepass"))
    tokens = size + TEMPLATE_TOKENS
    makes = policy.model_of(deployment).makes
    if makes == "image":
        return Usage(input_tokens=tokens, images=1, status=UsageStatus.ESTIMATED)
    if makes == "audio":
        return Usage(
            input_tokens=tokens,
            characters=len(text),
            seconds=len(text) / SLOWEST_SPEECH,
            status=UsageStatus.ESTIMATED,
        )
    most = policy.tasks[task].max_output_tokens if max_output_tokens is None else max_output_tokens
    return Usage(input_tokens=tokens, output_tokens=most, status=UsageStatus.ESTIMATED)


def upper_cost(
    policy: Policy,
    deployment: str,
    task: str,
    text: str,
    on: date,
    *,
    system: str = "",
    max_output_tokens: int | None = None,
) -> Decimal | None:
    """Dollars that one send can cost at most, rounded up to a nano-dollar; None where a unit that
    the model is billed by has no known price.

    Its prompt counts at the dearest way in that the price book names, such as being written to a
    cache, and at the dearest step that a prompt of up to its bound may come to.
    """
    price = policy.prices.price(policy.deployments[deployment].model, on)
    if price is None:
        return None
    usage = upper_usage(
        policy, deployment, task, text, system=system, max_output_tokens=max_output_tokens
    )
    billed = _billed(usage, price, policy.model_of(deployment).makes)
    return from_nanos(to_nanos(dearest_cost_of(billed, price), up=True))


def _billed(usage: Usage, price: Price, makes: str) -> Usage:
    """The usage without the units that its model is not billed by."""
    if makes == "text":
        return usage
    if price.input is None:
        usage = replace(
            usage, input_tokens=0, cached_tokens=0, cache_write_tokens=0, cache_write_1h_tokens=0
        )
    if makes == "image":
        by_token = price.image is None and usage.output_image_tokens > 0
        return replace(usage, images=0) if by_token else _without_output_tokens(usage)
    if price.characters is not None:
        return replace(_without_output_tokens(usage), seconds=0.0)
    if price.second is not None:
        return replace(_without_output_tokens(usage), characters=0)
    if usage.output_audio_tokens:
        return replace(usage, characters=0, seconds=0.0)
    return usage


def _without_output_tokens(usage: Usage) -> Usage:
    return replace(
        usage,
        output_tokens=0,
        reasoning_tokens=0,
        output_audio_tokens=0,
        output_image_tokens=0,
    )


def _verbosity(policy: Policy, task: str, output_tokens: float) -> float:
    cells = (by_task.get(task) for by_task in policy.capabilities.cells.values())
    known = [cell.output_tokens for cell in cells if cell and cell.output_tokens > 0]
    if not known or not output_tokens:
        return 1.0
    low, high = _VERBOSITY
    return min(high, max(low, output_tokens * len(known) / sum(known)))
