"""A small policy, a suite for it, an engine that answers by script, and runs made by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType

from orchestra_kit.bench.cell import Cell
from orchestra_kit.bench.run import Run
from orchestra_kit.bench.scenario import Outcome, SuiteFile
from orchestra_kit.core.answer import Score, Source
from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.decision import Classification, Decision
from orchestra_kit.core.errors import AttemptOutcome, FailureClass
from orchestra_kit.core.reply import Attempt, Reply, ReplyStatus
from orchestra_kit.core.request import Context, Request
from orchestra_kit.policy.policy import Policy

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)

POLICY = """\
policy: little
confidence_floor: 0.75
tiers:
  premium: {quality: 1.0, cost: 0.1, latency: 0.2}
  basic: {quality: 0.2, cost: 0.7, latency: 0.4}
tasks:
  article:
    is: long text
    examples: article.txt
    must: {quality: 0.8, p90_latency: 30s, cost: $0.10}
    value: {premium: $1, basic: $0.10}
    quality_floor: 0.5
    chain:
      - {use: first, timeout: 20s}
      - {use: second, timeout: 20s}
    then: {queue: batch, say: Queued.}
  picture:
    is: a picture
    makes: image
    examples: picture.txt
    must: {quality: 0.8, p90_latency: 30s, cost: $0.10}
    value: {premium: $1, basic: $0.10}
    quality_floor: 0.5
    chain:
      - {use: painter, timeout: 20s}
    then: {say: Not now.}
models:
  big: {context_window: 100000}
  small: {context_window: 100000, never_for: picture}
  brush: {makes: image}
deployments:
  first: {provider: openai, model: big, key: none}
  second: {provider: openai, model: small, key: none}
  painter: {provider: stability, model: brush, key: none}
rules:
  - {name: premium text, when: tier == "premium", use: first, because: it is the best}
budgets:
  - {name: month, limit: $3000, per: month}
  - {name: day, limit: $100, per: day}
"""
PRICES = """\
models:
  big: [{from: 2026-01-01, input: $1, output: $10, says: fictitious}]
  small: [{from: 2026-01-01, input: $1, output: $2, says: fictitious}]
  brush: [{from: 2026-01-01, image: $0.04, says: fictitious}]
"""
CAPABILITIES = """\
source: assumed
measured: 2026-11-01
how: written for a test
cells:
  first:
    article: {quality: 0.9, quality_low: 0.8, quality_high: 1.0, p50: 2, p95: 4, n: 10}
"""
SUITE = """\
suite: little suite
policy: orchestra.yaml
scenarios:
  - id: primary
    covers: [article, premium]
    request: {text: Write about tea, tier: premium}
    expect: {task: article, rule: premium text, route: [first], attempts: 1, outcome: answered}
    targets: {latency: 3s, quality: 0.8, cost: $0.05}
  - id: fallback
    request: {text: Write about salt, tier: basic}
    faults: {first: [{kind: server}]}
    expect: {route: [first, second], outcome: answered}
  - id: empty
    request: {text: "", tier: basic}
    expect: {outcome: rejected, attempts: 0}
"""


def reply_to(
    request: Request,
    *,
    route: tuple[str, ...] = ("first",),
    status: ReplyStatus = ReplyStatus.ANSWERED,
    seconds: float = 2.0,
    cost: Decimal | None = Decimal("0.01"),
    score: Score | None = None,
    rule: str = "premium text",
    task: str = "article",
) -> Reply:
    """A reply as the engine gives it: all of `route` but the last failed."""
    context = Context(
        task=task, tier=request.tier, confidence=0.9, words=0, tokens=3, complexity=1.0,
        ambiguity=0.0, code=False, maths=False, language="en", format="text", attachments=0,
        urgent=False, session_turns=0, budget_left=1.0, hour=12,
    )  # fmt: skip
    decision = Decision(
        request_id=request.id, classification=Classification(task, 0.9), rule=rule, because="",
        chain=route, candidates=(), propensity=1.0, policy="little", policy_hash="abc", seed=0,
        context=context,
    )  # fmt: skip
    attempts = tuple(
        Attempt(
            id=f"{request.id}.{i}", request_id=request.id, number=i, tier_of_chain=i,
            deployment=name, model=name,
            outcome=AttemptOutcome.ANSWERED if last else AttemptOutcome.FAILED,
            failure=None if last else FailureClass.SERVER,
            message="", started=NOON, seconds=1.0, usage=None, cost=None, cost_upper=None,
        )
        for i, name in enumerate(route)
        for last in [i == len(route) - 1 and status is ReplyStatus.ANSWERED]
    )  # fmt: skip
    return Reply(
        request_id=request.id, status=status, text="tea", model="big", deployment="first",
        source=Source.SIMULATED, cost=cost, seconds=seconds,
        score=score or Score(value=0.9, scorer="test"), decision=decision, attempts=attempts,
    )  # fmt: skip


@dataclass
class ScriptedOrchestra:
    """The engine's interface as the runner uses it; `answer` decides what comes back."""

    policy: Policy
    answer: Callable[[Request, int], Reply]
    seed: int = 7
    source: Source = Source.SIMULATED
    handled: list[str] = field(default_factory=list)
    spent: tuple[object, ...] = ()
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOON))

    def fresh(self, *, seed, faults=None, spent=(), **_):
        return replace(self, seed=seed, spent=tuple(spent))

    async def handle(self, request: Request) -> Reply:
        self.handled.append(request.id)
        return self.answer(request, self.seed)

    async def __aenter__(self) -> ScriptedOrchestra:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


def suite_of(names: list[str], **targets: object) -> SuiteFile:
    """A suite of scenarios that only expect an answer."""
    return SuiteFile.model_validate(
        {
            "suite": "made",
            "policy": "orchestra.yaml",
            "scenarios": [
                {
                    "id": name,
                    "request": {"text": name, "tier": "basic"},
                    "expect": {"outcome": "answered"},
                    "targets": targets,
                }
                for name in names
            ],
        }
    )


def run_of(suite: SuiteFile, figures: dict[str, dict[str, object]], **head: object) -> Run:
    """A run with one answered cell a scenario, with the figures given by scenario."""
    digests = {scenario.id: scenario.digest for scenario in suite.scenarios}
    cells = tuple(
        Cell(
            **{
                "scenario": name,
                "epoch": 0,
                "digest": digests[name],
                "seed": 1,
                "source": Source.SIMULATED,
                "outcome": Outcome.ANSWERED,
                "attempts": 1,
                "seconds": 1.0,
                "cost": Decimal("0.01"),
                "score": 0.9,
                **cell,
            }
        )
        for name, cell in figures.items()
    )
    facts = {"policy": "little", "policy_hash": "abc", "source": Source.SIMULATED, **head}
    return Run(id="run", suite=suite, seed=7, epochs=1, started=NOON, cells=cells, **facts)
