"""Telling operators how far spend budgets are used up: once for each step of each window."""

from __future__ import annotations

from collections.abc import Mapping

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.money import format_usd
from orchestra_kit.core.reply import Severity
from orchestra_kit.cost.budgets import SpendBudgets
from orchestra_kit.cost.ladder import Crossing, Step
from orchestra_kit.engine.notices import Notices

__all__ = ["BudgetNews"]

_SAID: Mapping[Step, tuple[Severity, str]] = {
    Step.NOTE: (Severity.INFO, "has reached the share at which it is worth a look"),
    Step.DOWNGRADE: (Severity.WARNING, "makes cheaper choices from now on"),
    Step.THROTTLE: (Severity.WARNING, "hands out the rest evenly; what does not fit waits"),
    Step.BLOCK: (Severity.CRITICAL, "lets nothing more through"),
}


class BudgetNews:
    """Tells of steps from the state of the budgets, so that none is missed after a restart."""

    def __init__(self, budgets: SpendBudgets, notices: Notices, clock: Clock) -> None:
        self._budgets = budgets
        self._notices = notices
        self._clock = clock

    async def tell(self) -> None:
        """Tell of every step that was not told yet."""
        crossed = self._budgets.crossed(self._clock.now())
        told = self._budgets.told
        if not crossed and not told:
            return
        for crossing in crossed:
            if crossing not in told:
                await self._tell(crossing)
        told.clear()
        told.update(crossed)

    async def _tell(self, crossing: Crossing) -> None:
        severity, what = _SAID[crossing.step]
        whose = f" of {crossing.of}" if crossing.of else ""
        await self._notices.tell(
            f"budget_{crossing.step.value}",
            f"{crossing.budget} {crossing.of} {crossing.starts.isoformat()}",
            severity,
            f"the spend budget “{crossing.budget}”{whose} ({format_usd(crossing.limit)} until "
            f"{crossing.ends:%Y-%m-%d %H:%M}) {what}",
        )
