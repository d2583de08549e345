"""Where one `Orchestra` writes: an open ledger, or a run of its own in a store."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.decision import Change, Override
from orchestra_kit.cost.budgets import Spender, Spent, window
from orchestra_kit.policy.policy import Policy
from orchestra_kit.resilience.breaker import BreakerState, Standing
from orchestra_kit.store.answers import (
    AnswersInMemory,
    AnswerStore,
)
from orchestra_kit.store.ledger import DiscardingLedger, Ledger
from orchestra_kit.store.routing_changes import StoredBreaker
from orchestra_kit.store.shared import SharedState
from orchestra_kit.store.shared_answers import SharedAnswers
from orchestra_kit.store.store import Store

__all__ = ["Journal"]


@dataclass
class Journal:
    """A ledger, and the store behind it where there is one."""

    ledger: Ledger
    clock: Clock
    store: Store | None = None
    run_id: str = ""
    owns_store: bool = False

    @classmethod
    def open(
        cls,
        where: Store | Ledger | Path | str | None,
        policy: Policy,
        source: Source,
        seed: int,
        clock: Clock,
    ) -> Journal:
        """Begin a run of kind ``service`` in a store; an open ledger is used as it is."""
        if where is None:
            return cls(DiscardingLedger(), clock)
        if not isinstance(where, (Store, Path, str)):
            return cls(where, clock)
        store = where if isinstance(where, Store) else Store.open(where)
        run_id = store.start_run(
            "service",
            name=policy.name,
            policy=policy.name,
            policy_hash=policy.hash,
            source=source,
            seed=seed,
        )
        store.save_policy(policy.hash, policy.name, policy.path.read_text("utf-8-sig"))
        ledger = store.ledger(run_id, source, clock)
        return cls(ledger, clock, store, run_id, owns_store=not isinstance(where, Store))

    def digest(self, prompt: str) -> str:
        """The store's keyed digest of a prompt; empty where nothing is kept."""
        return "" if self.store is None else self.store.capture.digest(prompt)

    def spent_before(self, policy: Policy, source: Source, now: datetime) -> list[Spent]:
        """What the policy's budget windows already hold, read back from the store."""
        if self.store is None or not policy.file.budgets:
            return []
        since = min(window(budget.per, now, budget.time_zone)[0] for budget in policy.file.budgets)
        return [
            Spent(
                Spender(
                    task=s.task,
                    tier=s.tier,
                    team=s.team,
                    feature=s.feature,
                    user=s.user,
                    workflow=s.workflow,
                ),
                s.at,
                s.amount,
            )
            for s in self.store.spending(since, source=source)
        ]

    def standings(self, source: Source, now: datetime) -> dict[str, Standing]:
        """How the breakers stood when an earlier process wrote it down."""
        if self.store is None:
            return {}
        return {
            row.deployment: Standing(
                state=BreakerState(row.state),
                openings=row.openings,
                seconds_left=_seconds_left(row, now),
            )
            for row in self.store.breakers(source)
        }

    def overrides(self, now: datetime) -> tuple[Override, ...]:
        """The overrides that people left in force."""
        return () if self.store is None else self.store.overrides(now)

    def answers(self, shared: SharedState | None) -> list[AnswerStore]:
        """Where answers are kept to be given again: what many share comes first."""
        places: list[AnswerStore] = [] if shared is None else [SharedAnswers(shared)]
        if self.store is not None:
            places.append(self.store.answers(self.clock))
        return places or [AnswersInMemory()]

    def keep_change(self, change: Change, policy: Policy) -> None:
        """Write down a change of routing, and the version of the policy that it put in force."""
        if self.store is not None:
            self.store.save_policy(policy.hash, policy.name, policy.path.read_text("utf-8-sig"))
            self.store.add_change(change)

    def keep_standings(self, rows: Sequence[StoredBreaker]) -> None:
        """Write down how breakers stand."""
        if self.store is not None:
            self.store.save_breakers(rows)

    async def close(self) -> None:
        """End the run, and close the store if it was opened here."""
        await self.ledger.flush()
        if self.store is not None:
            self.store.finish_run(self.run_id)
            if self.owns_store:
                self.store.close()


def _seconds_left(row: StoredBreaker, now: datetime) -> float:
    """Until the breaker may be probed; isolated without an end, it waits for somebody."""
    if row.until is not None:
        return max(0.0, (row.until - now).total_seconds())
    return math.inf if row.state == BreakerState.ISOLATED else 0.0
