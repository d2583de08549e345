"""Values as rows: tuples of plain numbers and text, in the order of the columns of `schema`.

This is the hot path of generated traffic, where a day is thousands of requests; so rows are made
once, here, and go to the database's driver as they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from orchestra_kit.core.answer import Source, Usage
from orchestra_kit.core.decision import Candidate, Decision
from orchestra_kit.core.errors import AttemptOutcome
from orchestra_kit.core.money import NANOS, to_nanos
from orchestra_kit.core.reply import Attempt, Incident, Notice, Reply, Severity
from orchestra_kit.core.request import Context, Request
from orchestra_kit.store.ledger import Intent, QueueEntry
from orchestra_kit.store.text import LONGEST_MESSAGE, Capture, storable
from orchestra_kit.store.types import LARGEST, to_micros

__all__ = ["Row", "Rows", "bounded", "spent_by"]

Row = tuple[str | int | float | None, ...]

_INFINITE = float("inf")

_NOTHING_RARE: Row = (*(None,) * 10, False, None)
"""The last columns of `attempts` before anything is known."""

_NO_RARE_TOKENS: Row = (0,) * 7


@dataclass(frozen=True, slots=True)
class Rows:
    """Makes the rows of one run."""

    run_id: str
    source: Source
    capture: Capture = field(default_factory=Capture)

    def sending(self, intent: Intent) -> Row:
        """The row of `attempts` before a send."""
        return (
            *(intent.id, self.run_id, intent.request_id, self.source.value),
            *(intent.number, intent.chain_tier, intent.deployment, intent.model),
            *("sending", None, None, "", to_micros(intent.at), None),
            *(None, None, None, None, None, None, None, None),
            *(None, _nanos(intent.cost_upper, up=True), None),
            *_NOTHING_RARE,
        )

    def done(self, attempt: Attempt) -> Row:
        """The row of `attempts` after its end."""
        usage = attempt.usage
        consumed: Row = (None,) * 8
        rare: Row = (None,) * 7
        if usage is not None:
            rare = _rare(usage)
            consumed = (
                *(_count(usage.input_tokens), _count(usage.cached_tokens)),
                *(_count(usage.output_tokens), _count(usage.reasoning_tokens)),
                *(_count(usage.images), _count(usage.characters)),
                *(_finite(usage.seconds), usage.status.value),
            )
        failure = attempt.failure
        return (
            *(attempt.id, self.run_id, attempt.request_id, self.source.value),
            *(attempt.number, attempt.tier_of_chain, attempt.deployment, attempt.model),
            *("done", attempt.outcome.value, failure.value if failure else None),
            *(bounded(attempt.message), to_micros(attempt.started), _finite(attempt.seconds)),
            *consumed,
            *(_nanos(attempt.cost), _nanos(attempt.cost_upper, up=True)),
            None if attempt.score is None else _finite(attempt.score.value),
            *rare,
            *(_nanos(attempt.cost_reported), _nanos(attempt.cost_computed)),
            *(_finite(attempt.first_token_seconds), attempt.hedge),
            _names(attempt.dropped_parameters) if attempt.dropped_parameters else None,
        )

    def request(self, request: Request, reply: Reply, prompt: str | None) -> Row:
        """The row of `requests`; `prompt` is what is kept of its text."""
        decision, context = reply.decision, reply.decision.context
        said = decision.classification
        sent = [a for a in reply.attempts if a.outcome is not AttemptOutcome.NOT_SENT]
        return (
            *(request.id, self.run_id, self.source.value, to_micros(request.arrived)),
            *(decision.policy, decision.policy_hash, str(decision.seed), said.task, request.tier),
            *(bounded(request.user), bounded(request.feature), bounded(request.session)),
            *(self.capture.digest(request.text), prompt),
            *(_count(context.words) or 0, _count(context.tokens) or 0, context.complexity),
            *(context.language, said.by, said.confidence),
            *(decision.rule, decision.review, decision.choice, decision.propensity),
            *(reply.status.value, reply.deployment, bounded(reply.model), reply.tier_of_chain),
            *(len(sent), _nanos(reply.cost), _upper(sent), _finite(reply.seconds)),
            *(_finite(reply.score.value), reply.score.scorer),
            "" if reply.answered else bounded(reply.text),
            *(bounded(request.team), bounded(request.workflow), reply.incident),
            None if reply.repeats is None else to_micros(reply.repeats),
            _nanos(reply.cost_avoided),
        )

    def decision(self, decision: Decision) -> Row:
        """The row of `decisions`."""
        planned = decision.planned
        return (
            *(decision.request_id, self.run_id, self.source.value),
            _names(decision.chain),
            None if not planned or planned == decision.chain else _names(planned),
            _candidates(decision.candidates),
            _context(decision.context),
            bounded(decision.because),
        )

    def queued(self, entry: QueueEntry) -> Row:
        """The row of `queue`, without its number."""
        return (
            *(self.run_id, self.source.value, entry.name, entry.request_id, to_micros(entry.at)),
            *(entry.task, entry.tier, storable(entry.text), bounded(entry.reason), "open"),
            json.dumps(dict(entry.asked), separators=(",", ":")) if entry.asked else None,
        )

    def notice(self, notice: Notice) -> Row:
        """The row of `notices`, without its number."""
        return (
            *(self.run_id, self.source.value, notice.kind, notice.severity.value),
            *(to_micros(notice.at), bounded(notice.message)),
            *(notice.deployment, notice.request_id),
        )

    def incident(self, incident: Incident) -> Row:
        """The row of `incidents`."""
        closed = incident.closed
        return (
            *(incident.id, self.run_id, self.source.value, incident.kind),
            *(bounded(incident.about), incident.severity.value, to_micros(incident.opened)),
            *(to_micros(incident.last), None if closed is None else to_micros(closed)),
            *(incident.requests, bounded(incident.message), bounded(incident.escalated)),
            "open" if closed is None else "closed",
        )

    def prompt(self, request: Request, at: datetime) -> tuple[str | None, Row | None]:
        """What is kept of a request's text, and a notice's row where that is not all of it."""
        text, changes = self.capture.kept(request.text)
        if not changes:
            return text, None
        told = Notice(
            kind="prompt_changed",
            at=at,
            severity=Severity.INFO,
            message=f"The prompt was {changes} before it was stored.",
            request_id=request.id,
        )
        return text, self.notice(told)


def bounded(text: str) -> str:
    """A message or name as it is stored."""
    if not text:
        return text
    return storable(text if len(text) <= LONGEST_MESSAGE else f"{text[: LONGEST_MESSAGE - 1]}…")


_COST, _UPPER = 22, 23
"""Where `Rows.done` puts the costs of an attempt."""


def spent_by(attempts: Sequence[Row]) -> Decimal:
    """Dollars of these rows of attempts, those of unknown cost at their upper bound."""
    nanos = 0
    for row in attempts:
        cost = row[_COST] if row[_COST] is not None else row[_UPPER]
        nanos += int(cost) if cost is not None else 0
    return Decimal(nanos) / NANOS


def _rare(usage: Usage) -> Row:
    """The counts that most attempts have none of."""
    written, written_1h = usage.cache_write_tokens, usage.cache_write_1h_tokens
    heard, seen = usage.input_audio_tokens, usage.input_image_tokens
    spoken, drawn, queries = usage.output_audio_tokens, usage.output_image_tokens, usage.queries
    if not (written or written_1h or heard or seen or spoken or drawn or queries):
        return _NO_RARE_TOKENS
    counts = (written, written_1h, heard, seen, spoken, drawn, queries)
    return tuple([_count(count) for count in counts])


def _count(value: int) -> int | None:
    return value if -LARGEST <= value <= LARGEST else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and -_INFINITE < value < _INFINITE else None


def _nanos(amount: Decimal | None, *, up: bool = False) -> int | None:
    """An amount that no column can hold is as good as unknown."""
    if amount is None or not amount.is_finite():
        return None
    return _count(to_nanos(amount, up=up) or 0)


def _upper(sent: Sequence[Attempt]) -> int | None:
    total = 0
    for attempt in sent:
        if attempt.cost is None:
            upper = _nanos(attempt.cost_upper, up=True)
            if upper is None:
                return None
            total += upper
    return _count(total)


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    return json.dumps(text)


@lru_cache(maxsize=1024)
def _names(names: tuple[str, ...]) -> str:
    return json.dumps(names, separators=(",", ":"))


def _number(value: float | None) -> str:
    known = value is not None and -_INFINITE < value < _INFINITE
    return f"{value:.6g}" if known else "null"


def _candidates(candidates: Sequence[Candidate]) -> str:
    return f"[{','.join([_candidate(c) for c in candidates])}]"


def _candidate(candidate: Candidate) -> str:
    score, quality = candidate.score, candidate.quality
    cost, latency = candidate.cost, candidate.latency
    if score is quality is cost is latency is None:
        return _without_figures(candidate.deployment, candidate.dropped_because)
    numbers = (
        f"[{_quoted(candidate.deployment)},{_number(score)},"
        f"{_number(quality)},{_number(cost)},{_number(latency)}"
    )
    if not candidate.dropped_because:
        return f"{numbers}]"
    return f"{numbers},{_quoted(candidate.dropped_because)}]"


@lru_cache(maxsize=4096)
def _without_figures(deployment: str, dropped_because: str) -> str:
    """As most are that were dropped: their words are few and come again and again."""
    because = f",{_quoted(dropped_because)}" if dropped_because else ""
    return f"[{_quoted(deployment)},null,null,null,null{because}]"


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _context(context: Context) -> str:
    return (
        f'{{"task":{_quoted(context.task)},"tier":{_quoted(context.tier)},'
        f'"confidence":{_number(context.confidence)},"words":{context.words:d},'
        f'"tokens":{context.tokens:d},"complexity":{_number(context.complexity)},'
        f'"ambiguity":{_number(context.ambiguity)},"code":{_truth(context.code)},'
        f'"maths":{_truth(context.maths)},"language":{_quoted(context.language)},'
        f'"format":{_quoted(context.format)},"attachments":{context.attachments:d},'
        f'"urgent":{_truth(context.urgent)},"session_turns":{context.session_turns:d},'
        f'"budget_left":{_number(context.budget_left)},"hour":{context.hour:d},'
        f'"difficulty":{_number(context.difficulty)}}}'
    )
