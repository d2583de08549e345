"""Requests, decisions, attempts and replies as an engine would hand them to a ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from orchestra_kit.core.answer import Score, Source, Usage
from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.decision import Candidate, Classification, Decision
from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.core.reply import Attempt, Incident, Notice, Reply, ReplyStatus, Severity
from orchestra_kit.core.request import Context, Request
from orchestra_kit.store.buffered import Batch, BufferedLedger
from orchestra_kit.store.ledger import Intent, QueueEntry
from orchestra_kit.store.store import Store

START = datetime(2026, 11, 16, tzinfo=UTC)
"""A Monday."""

CHAIN = ("gpt-5", "claude-sonnet", "gemini-pro")

SEED = 2**64 - 1
"""The largest that `stable_seed` gives."""


def a_request(
    number: int = 0, *, text: str = "Write 1,200 words on tea", user: str = "ana"
) -> Request:
    return Request(
        id=f"req_{number:021d}",
        text=text,
        tier="premium",
        arrived=START + timedelta(seconds=number),
        user=user,
        feature="editor",
        session=f"session-{number // 5}",
    )


def a_decision(request: Request) -> Decision:
    dropped = "its p95 latency of 41 s is longer than the 30 s that the task allows"
    return Decision(
        request_id=request.id,
        classification=Classification("article", 0.93, {"article": 0.93, "social_post": 0.07}),
        rule="premium long article",
        because="long reasoning is where the strongest writer pays",
        chain=CHAIN,
        planned=CHAIN,
        candidates=(
            Candidate(
                deployment="gpt-5", score=0.8123456789, quality=0.91, cost=0.0321, latency=9.2
            ),
            Candidate(
                deployment="claude-sonnet", score=0.79, quality=0.9, cost=0.041, latency=12.0
            ),
            Candidate(deployment="gemini-pro", score=0.7, quality=0.85, cost=None, latency=8.1),
            *(Candidate(deployment=f"other-{n}", dropped_because=dropped) for n in range(7)),
        ),
        propensity=0.97,
        policy="contentforge",
        policy_hash="0123456789ab",
        seed=SEED,
        context=Context(
            task="article",
            tier=request.tier,
            confidence=0.93,
            words=1200,
            tokens=64,
            complexity=41.5,
            ambiguity=12.0,
            code=False,
            maths=False,
            language="en",
            format="text",
            attachments=0,
            urgent=False,
            session_turns=0,
            budget_left=0.62,
            hour=9,
        ),
    )


def an_intent(request: Request, number: int = 0, *, upper: str | None = "0.12") -> Intent:
    return Intent(
        id=f"{request.id}.{number}",
        request_id=request.id,
        number=number,
        chain_tier=min(number, 2),
        deployment=CHAIN[min(number, 2)],
        model=CHAIN[min(number, 2)],
        at=request.arrived,
        cost_upper=None if upper is None else Decimal(upper),
    )


def an_attempt(
    request: Request,
    number: int = 0,
    *,
    outcome: AttemptOutcome = AttemptOutcome.ANSWERED,
    cost: str | None = "0.0391",
    upper: str | None = None,
) -> Attempt:
    answered = outcome is AttemptOutcome.ANSWERED
    return Attempt(
        id=f"{request.id}.{number}",
        request_id=request.id,
        number=number,
        tier_of_chain=min(number, 2),
        deployment=CHAIN[min(number, 2)],
        model=CHAIN[min(number, 2)],
        outcome=outcome,
        failure=None if answered else FailureClass.TIMEOUT,
        message="" if answered else "no answer within 30 s",
        started=request.arrived,
        seconds=8.25,
        usage=Usage(input_tokens=64, output_tokens=1500, reasoning_tokens=300)
        if answered
        else None,
        cost=None if cost is None else Decimal(cost),
        cost_upper=None if upper is None else Decimal(upper),
        score=Score(value=0.91, scorer="simulated") if answered else None,
    )


def a_reply(request: Request, *attempts: Attempt, source: Source = Source.SIMULATED) -> Reply:
    answered = bool(attempts) and attempts[-1].outcome is AttemptOutcome.ANSWERED
    return Reply(
        request_id=request.id,
        status=ReplyStatus.ANSWERED if answered else ReplyStatus.QUEUED,
        text="An article on tea." if answered else "Your content is queued.",
        model=attempts[-1].model if answered else "",
        deployment=attempts[-1].deployment if answered else "",
        source=source,
        cost=sum((a.cost for a in attempts if a.cost is not None), Decimal(0)),
        seconds=8.4,
        score=Score(value=0.91, scorer="simulated")
        if answered
        else Score.unscored("none", "nothing was delivered"),
        decision=a_decision(request),
        attempts=tuple(attempts),
    )


def a_notice(number: int = 0, *, message: str = "the breaker of gpt-5 opened") -> Notice:
    return Notice(
        kind="breaker_opened",
        at=START + timedelta(seconds=number),
        severity=Severity.WARNING,
        message=message,
        deployment="gpt-5",
    )


def an_incident(number: int = 0, *, requests: int = 3, closed: bool = False) -> Incident:
    opened = START + timedelta(seconds=number)
    return Incident(
        id=f"inc_{number:021d}",
        kind="every link out",
        about="article",
        severity=Severity.CRITICAL,
        opened=opened,
        last=opened + timedelta(seconds=requests),
        closed=opened + timedelta(minutes=10) if closed else None,
        requests=requests,
        message="nobody answers articles",
        escalated="ops",
    )


def an_entry(request: Request, *, text: str | None = None) -> QueueEntry:
    return QueueEntry(
        name="batch",
        request_id=request.id,
        at=request.arrived,
        task="article",
        tier=request.tier,
        text=request.text if text is None else text,
        reason="timeout",
        asked={"user": request.user, "region": "eu", "parameters": {"temperature": 0.2}},
    )


def started_run(store: Store, kind: str = "traffic", source: Source = Source.SIMULATED) -> str:
    return store.start_run(
        kind,
        name="blog",
        policy="contentforge",
        policy_hash="0123456789ab",
        source=source,
        seed=7,
        parameters={"weeks": 5, "first_day": "2026-10-19"},
    )


def a_batch(run_id: str, *numbers: int, user: str = "ana") -> Batch:
    ledger = BufferedLedger(run_id, Source.SIMULATED)

    async def note() -> None:
        for number in numbers:
            request = a_request(number, user=user)
            attempt = an_attempt(request)
            await ledger.finish(attempt)
            await ledger.enqueue(an_entry(request))
            await ledger.notice(a_notice(number))
            await ledger.record(request, a_reply(request, attempt))

    VirtualClock(START).run_sync(note())
    return ledger.drain()
