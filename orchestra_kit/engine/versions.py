"""The version of a policy that is in force; how another takes its place and may lose it again."""

from __future__ import annotations

from collections.abc import Callable

from orchestra_kit.core.decision import Change
from orchestra_kit.core.reply import Reply, Severity
from orchestra_kit.core.request import Request
from orchestra_kit.engine.assembly import Assembly, World
from orchestra_kit.engine.changes import Rollout
from orchestra_kit.engine.course import Emit
from orchestra_kit.policy.policy import Policy

__all__ = ["Versions"]


class Versions:
    """Answers by the version in force.

    `assemble` puts a policy to work; `keep` writes a change of routing into the journal.
    """

    def __init__(
        self,
        first: Assembly,
        world: World,
        *,
        assemble: Callable[[Policy], Assembly],
        keep: Callable[[Change, Policy], None],
    ) -> None:
        self.current = first
        self._world = world
        self._assemble = assemble
        self._keep = keep
        self._previous: Assembly | None = None
        self._rollout: Rollout | None = None

    @property
    def rollout(self) -> Rollout | None:
        """The latest promotion, and how it stands; None before the first."""
        return self._rollout

    async def answer(self, request: Request, emit: Emit | None = None) -> Reply:
        """The reply to a request, by the version in force when it came; a guardrail that it shows
        to be passed brings the version before back."""
        assembly, clock = self.current, self._world.clock
        reply = await assembly.answer(request, emit)
        off = assembly.adapting.observe(reply, clock.monotonic(), clock.now())
        if off is not None:
            await self._adapts_no_more(off, assembly.policy)
        if self._rollout is not None:
            back = self._rollout.observe(reply, clock.now())
            if back is not None:
                await self._roll_back(back)
        return reply

    def promote(self, policy: Policy, *, because: str, by: str) -> Change:
        """Put another version in force, and watch it while it is young.

        Raises ConfigError without a reason or a name, or where the policy cannot be put to work;
        the version in force then stays.
        """
        now = self._world.clock.now()
        rollout = Rollout(self.current.policy, policy, because=because, by=by, at=now)
        assembly = self._assemble(policy)
        self._keep(rollout.promotion, policy)
        self._previous, self.current, self._rollout = self.current, assembly, rollout
        return rollout.promotion

    async def _adapts_no_more(self, change: Change, policy: Policy) -> None:
        self._keep(change, policy)
        await self._world.notices.tell(
            "adaptation_off",
            change.what,
            Severity.CRITICAL,
            f"{change.what} follows the rules alone from now on: {change.because}",
        )

    async def _roll_back(self, change: Change) -> None:
        assert self._previous is not None
        self.current, self._previous = self._previous, None
        self._keep(change, self.current.policy)
        await self._world.notices.tell(
            "rollback",
            change.what,
            Severity.CRITICAL,
            f"version {change.before} of {change.what} was undone, {change.after} is back: "
            f"{change.because}",
        )
