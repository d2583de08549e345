"""Overrides: a person's word in place of the rules, for a reason and for a time.

One that has expired drops out by itself. That it was made, and that it ended, is written down
once, with who did it and why.
"""

from __future__ import annotations

import contextlib
import difflib
import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Protocol

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.decision import Change, Override
from orchestra_kit.core.errors import ConfigError, StoreBusy, StoreError, StoreFull
from orchestra_kit.core.ids import new_id, stable_seed
from orchestra_kit.engine.changes import said
from orchestra_kit.policy.policy import Policy

__all__ = ["Keeper", "Overrides", "check_names"]

_RULES = "the rules"
_EXPIRY = "its expiry"
_TRY_AGAIN = 60.0
"""Seconds until an end that could not be written down is tried again."""


class Keeper(Protocol):
    """Where overrides and the journal are kept, such as a `Store`; raises StoreError."""

    def add_override(self, override: Override) -> None:
        """Keep an override."""
        ...

    def end_override(self, override_id: str) -> None:
        """End one; raises StoreError for one that has ended already."""
        ...

    def add_change(self, change: Change) -> None:
        """Write into the journal."""
        ...


class Overrides:
    """The overrides that are in force, for one `Orchestra`.

    `known` are those that were kept before, the latest first. What two processes share is ended
    by one of them only, which writes it into the journal.
    """

    def __init__(
        self,
        clock: Clock,
        keeper: Keeper | None = None,
        *,
        known: Iterable[Override] = (),
        seed: int = 0,
    ) -> None:
        self._clock = clock
        self._keeper = keeper
        self._random = Random(stable_seed(seed, "overrides"))
        self._standing: tuple[Override, ...] = tuple(known)
        self._over: list[Override] = []
        """Those that have expired and whose end is not yet in the journal."""
        self._ended: set[str] = set()
        """Of those, the ones that the keeper knows to have ended."""
        self._next = -math.inf
        """The moment (seconds since 1970) from which another may have expired."""

    def add(
        self,
        use: str,
        *,
        because: str,
        by: str,
        until: datetime | None = None,
        seconds: float | None = None,
        task: str = "",
        tier: str = "",
    ) -> Override:
        """Try a deployment, or those of a model, first from now on: until a moment or for so many
        seconds. Empty `task` and `tier` mean every one.

        Raises ConfigError without a reason, a name or an end that is still to come; StoreError
        where it could not be kept, and then it does not hold.
        """
        now = self._clock.now()
        override = Override(
            id=new_id("ovr", now.timestamp(), self._random),
            use=use,
            until=_until(now, until, seconds),
            because=said(because, "a reason"),
            by=said(by, "a name of who asks for it"),
            task=task,
            tier=tier,
        )
        if self._keeper is not None:
            self._keeper.add_override(override)
        what = f"{use} until {override.until:%Y-%m-%d %H:%M} UTC"
        try:
            self._note("override", override, _RULES, what, override.because, override.by)
        except StoreError:
            self._withdraw(override)
            raise
        self._standing = (override, *self._standing)
        self._next = min(self._next, override.until.timestamp())
        return override

    def end(self, override_id: str, *, by: str, because: str = "ended by hand") -> Override:
        """Let the rules decide again; raises ConfigError for one that is not in force."""
        found = next((o for o in self.in_force(self._clock.now()) if o.id == override_id), None)
        if found is None:
            raise ConfigError(
                f"No override “{override_id}” is in force.", hint="List those that are."
            )
        by, because = said(by, "a name of who ends it"), said(because, "a reason")
        if self._keeper is not None:
            self._keeper.end_override(override_id)
        self._standing = tuple(o for o in self._standing if o is not found)
        self._note("override_ended", found, found.use, _RULES, because, by)
        return found

    def in_force(self, now: datetime) -> tuple[Override, ...]:
        """Those that hold now, the latest first; of those that have expired the end is noted."""
        if now.timestamp() < self._next:
            return self._standing
        expired = [o for o in self._standing if o.until <= now]
        self._standing = tuple(o for o in self._standing if o.until > now)
        unwritten, self._over = [*self._over, *expired], []
        for override in unwritten:
            if not self._note_expiry(override):
                self._over.append(override)
        ends = [o.until.timestamp() for o in self._standing]
        if self._over:
            ends.append(now.timestamp() + _TRY_AGAIN)
        self._next = min(ends, default=math.inf)
        return self._standing

    def _note_expiry(self, override: Override) -> bool:
        """Write down that an override has expired; False to try again later."""
        try:
            if self._keeper is not None and override.id not in self._ended:
                self._keeper.end_override(override.id)
        except (StoreBusy, StoreFull):
            return False
        except StoreError:
            return True  # another process has ended it, and written it down
        self._ended.add(override.id)
        try:
            self._note("override_ended", override, override.use, _RULES, "it expired", _EXPIRY)
        except StoreError:
            return False
        self._ended.discard(override.id)
        return True

    def _withdraw(self, override: Override) -> None:
        """Take back one that could not be written into the journal."""
        with contextlib.suppress(StoreError):
            if self._keeper is not None:
                self._keeper.end_override(override.id)

    def _note(
        self, kind: str, override: Override, before: str, after: str, because: str, by: str
    ) -> None:
        if self._keeper is None:
            return
        tier = f"{override.tier} tier" if override.tier else ""
        what = ", ".join(part for part in (override.task or "every task", tier) if part)
        self._keeper.add_change(
            Change(
                at=self._clock.now(),
                kind=kind,
                what=what,
                before=before,
                after=after,
                because=because,
                by=by,
            )
        )


def check_names(policy: Policy, use: str, *, task: str = "", tier: str = "") -> None:
    """Raises ConfigError where the policy does not know what an override names, or where what it
    names cannot do the task."""
    for what, name, known in (
        ("task", task, policy.tasks),
        ("tier", tier, policy.tiers),
        ("deployment or model", use, (*policy.deployments, *policy.models)),
    ):
        if (name or what.startswith("dep")) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean “{close[0]}”?" if close else f"Known are: {', '.join(known)}."
            raise ConfigError(f"Policy {policy.name} has no {what} “{name}”.", hint=hint)
    try:
        made = policy.model_of(policy.targets(use)[0]).makes
    except KeyError:
        raise ConfigError(
            f"No deployment of policy {policy.name} serves “{use}”.",
            hint=f"There are: {', '.join(policy.deployments)}.",
        ) from None
    if task and policy.tasks[task].makes != made:
        raise ConfigError(
            f"“{use}” makes {made}, and {task} needs {policy.tasks[task].makes}.",
            hint="Name another deployment, or another task.",
        )


def _until(now: datetime, until: datetime | None, seconds: float | None) -> datetime:
    if (until is None) == (seconds is None):
        raise ConfigError("An override needs one end.", hint="Give until or seconds.")
    if until is not None and until.tzinfo is None:
        raise ConfigError("The end of an override needs a time zone.", hint="Give it in UTC.")
    try:
        end = until.astimezone(UTC) if until is not None else now + timedelta(seconds=seconds or 0)
    except (OverflowError, ValueError):
        raise ConfigError("The override would last too long.", hint="Give it days.") from None
    if end <= now:
        raise ConfigError("The override would have ended already.", hint="Give a later end.")
    return end
