"""What deciding costs: classification, rules and scores, by the shipped policy and as many rules
more as make thirty.

A service is measured that has been at work for a while, on texts that it has not seen before, by
its own processor time: deciding waits for nothing, and other programs share the machine.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

from benchmarks.timing import Result, cpu_each, percentile
from orchestra_kit.bench.demand import Demand
from orchestra_kit.core.request import Request
from orchestra_kit.policy.conditions import Fields
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.snapshot import Snapshot
from orchestra_kit.shipped import path

__all__ = ["results"]

_NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
_REQUESTS = 2000
_RULES = 30
_ROUNDS = 3
_MOST_P50, _MOST_P99 = 0.3e-3, 1e-3
"""Seconds: what a decision may take of a request that is answered in two."""


def results(*, requests: int = _REQUESTS) -> list[Result]:
    """The median and the slowest hundredth."""
    policy = _of_rules(_RULES, Policy.load(path("examples/contentforge/orchestra.yaml")))
    drawn, others = _drawn(requests, seed=1), _drawn(requests, seed=2)
    snapshot = Snapshot(today=_NOON.date())
    # Other programs empty the caches now and then, seldom thrice for the same request.
    rounds = [_taken(_warm(policy, others, snapshot), drawn, snapshot) for _ in range(_ROUNDS)]
    taken = [min(each) for each in zip(*rounds, strict=True)]
    router = _warm(policy, others, snapshot)
    contexts = [router.decide(request, snapshot).context for request in drawn]
    conditions = policy.conditions
    every = iter(contexts * 6)

    def bare() -> None:
        fields = Fields.of(next(every))
        for condition in conditions:
            condition.holds(fields)

    floor = cpu_each(bare, len(drawn))
    p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
    n = f"{len(drawn):,} requests, least of {_ROUNDS}"
    return [
        Result(
            f"decision, p50 ({len(conditions)} rules)",
            f"{p50 * 1e6:.0f} us",
            f"all conditions alone, {floor * 1e6:.0f} us",
            p50 / floor,
            f"<= {_MOST_P50 * 1e3:g} ms",
            p50 <= _MOST_P50,
            n,
        ),
        Result(
            "decision, p99",
            f"{p99 * 1e6:.0f} us",
            f"its own p50, {p50 * 1e6:.0f} us",
            p99 / p50,
            f"<= {_MOST_P99 * 1e3:g} ms",
            p99 <= _MOST_P99,
            n,
        ),
    ]


def _of_rules(number: int, policy: Policy) -> Policy:
    """The policy with so many rules: those that are missing stand first and never hold, so that
    each is looked at for every request."""
    own = policy.rules
    more = [
        own[i % len(own)].model_copy(
            update={"name": f"never {i}", "when": f"({own[i % len(own)].when}) && hour > {24 + i}"}
        )
        for i in range(number - len(own))
    ]
    return Policy(policy.file.model_copy(update={"rules": (*more, *own)}), policy.path)


def _warm(policy: Policy, others: list[Request], snapshot: Snapshot) -> Router:
    """A router at work, which has yet to see the texts that are measured."""
    router = Router(policy, Classifier.load(policy.classifier_path), seed=7)
    for request in others:
        router.decide(request, snapshot)
    return router


def _taken(router: Router, drawn: list[Request], snapshot: Snapshot) -> list[float]:
    """Seconds of each decision."""
    taken = []
    for request in drawn:
        began = time.thread_time()
        router.decide(request, snapshot)
        taken.append(time.thread_time() - began)
    return taken


def _drawn(requests: int, *, seed: int) -> list[Request]:
    demand = Demand.load(path("examples/contentforge/traffic.yaml"))
    return [
        Request(id=f"r{i}", text=r.text, tier=r.tier, arrived=_NOON, user=r.user, feature=r.feature)
        for i, r in enumerate(demand.draw(date(2026, 11, 18), seed=seed)[:requests])
    ]
