"""A send in the words of others: the call that a provider gets, the rows that the ledger gets."""

from __future__ import annotations

from orchestra_kit.core.answer import Call
from orchestra_kit.core.decision import Decision
from orchestra_kit.core.reply import Attempt
from orchestra_kit.core.request import Request
from orchestra_kit.engine.course import Course, Ended, Send
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.ledger import Intent

__all__ = ["attempt_of", "call_for", "first_call", "intent_of", "most_tokens"]

MORE_ROOM = 2
"""Times the greatest length of an answer, for the one that takes the place of one cut off."""


def most_tokens(policy: Policy, course: Course) -> int:
    """The greatest length of the next answer, in tokens."""
    most = policy.tasks[course.decision.task].max_output_tokens
    return most * MORE_ROOM if course.wants_more_room else most


def call_for(
    policy: Policy, course: Course, send: Send, left_out: frozenset[str] = frozenset()
) -> Call:
    """What the provider is asked; after an answer that could not be used, also what was wrong."""
    makes = policy.tasks[course.decision.task].makes
    mends = course.repair and send.number_here and makes == "text"
    return _call(
        policy,
        course.request,
        course.decision,
        send.deployment,
        text=course.text + (_repair(course.repair) if mends else ""),
        most=most_tokens(policy, course),
        attempt=send.number_here,
        left_out=left_out,
    )


def first_call(policy: Policy, request: Request, decision: Decision) -> Call:
    """What the deployment that was chosen is asked when all goes well."""
    assert decision.choice is not None
    most = policy.tasks[decision.task].max_output_tokens
    return _call(policy, request, decision, decision.choice, text=request.text, most=most)


def _call(
    policy: Policy,
    request: Request,
    decision: Decision,
    deployment: str,
    *,
    text: str,
    most: int,
    attempt: int = 0,
    left_out: frozenset[str] = frozenset(),
) -> Call:
    serving, context = policy.deployments[deployment], decision.context
    return Call(
        request_id=request.id,
        deployment=deployment,
        model=serving.served_as or serving.model,
        text=text,
        task=decision.task,
        tier=request.tier,
        context={
            "words": context.words,
            "tokens": context.tokens,
            "complexity": context.complexity,
            "session_turns": context.session_turns,
        },
        attempt=attempt,
        max_output_tokens=most,
        parameters={**serving.parameters, **request.parameters},
        left_out=left_out,
        session=request.session,
        seed=decision.seed,
    )


def intent_of(course: Course, send: Send) -> Intent:
    """What is written before anything leaves."""
    return Intent(
        id=f"{course.request.id}.{send.number}",
        request_id=course.request.id,
        number=send.number,
        chain_tier=course.decision.tier_of(send.deployment),
        deployment=send.deployment,
        model=send.model,
        at=send.at,
        cost_upper=send.upper,
    )


def attempt_of(course: Course, send: Send, ended: Ended, seconds: float) -> Attempt:
    """What is written when it has ended, after so many seconds."""
    answer = ended.answer
    return Attempt(
        id=f"{course.request.id}.{send.number}",
        request_id=course.request.id,
        number=send.number,
        tier_of_chain=course.decision.tier_of(send.deployment),
        deployment=send.deployment,
        model=send.model,
        outcome=ended.outcome,
        failure=ended.failure,
        message=ended.message,
        started=send.at,
        seconds=seconds,
        usage=ended.usage,
        cost=ended.cost,
        cost_upper=send.upper if ended.cost is None else None,
        score=ended.score,
        cost_reported=answer.reported_cost if answer else None,
        cost_computed=ended.computed,
        first_token_seconds=answer.first_token_seconds if answer else None,
        hedge=send.hedge,
        dropped_parameters=answer.dropped_parameters if answer else (),
    )


def _repair(fault: str) -> str:
    return f"\n\n(The last answer could not be used: {fault}. Give the whole answer again.)"
