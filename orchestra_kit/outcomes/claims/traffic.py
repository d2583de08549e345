"""Simulated traffic for the claims about outages: the same requests, at two policies.

Four weeks of a policy's own labelled requests, evenly over tasks, tiers and time, through the real
engine on the virtual clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from random import Random

import numpy as np
import numpy.typing as npt

from orchestra_kit.core.clock import VirtualClock
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.core.reply import Reply
from orchestra_kit.core.request import Request
from orchestra_kit.engine.orchestra import Orchestra
from orchestra_kit.outcomes.claims.entry import Data
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.profiles import Outage, SimulationProfiles
from orchestra_kit.providers.simulated import Simulated

__all__ = ["DAYS", "OUT", "Traffic"]

DAYS = 28
OUT = 0.04
"""Share of the time in which each deployment is out, where traffic is strained: one deployment
alone is then available for about 96 %, which is what the claims set out from."""
_DAY = 86_400.0
_BLOCK = 7
"""Requests in a row of one tier, so that tiers and tasks are not in step."""


@dataclass(frozen=True, eq=False)
class Traffic:
    """Replies to the same requests, in the order of `sent`."""

    data: Data
    sent: Sequence[Request]
    hours: npt.NDArray[np.int64]
    """(n,) since the first moment: requests of one hour share their outages."""
    routed: Sequence[Reply]
    """By the policy as it stands."""
    fixed: Sequence[Reply]
    """By the same policy without rules, and with the first deployment of each chain alone."""
    lone: frozenset[str]
    """Tasks whose chain has a single deployment."""

    @classmethod
    def play(cls, policy: Policy, *, requests: int, seed: int, strained: bool) -> Traffic:
        """The outages of the profiles, or where `strained` each deployment out for `OUT` of each
        day, at a time drawn for it and the day."""
        starts = _first_monday(policy)
        profiles = SimulationProfiles.load(policy.simulation_path)
        if strained:
            profiles = profiles.model_copy(update={"outages": _drawn_outages(profiles, seed)})
        sent = _requests(policy, starts, requests)
        routed, fixed = (
            _replies(played, profiles, sent, starts, seed)
            for played in (policy, _without_choice(policy))
        )
        kind = f"outages of {OUT:.0%}" if strained else "few outages"
        return cls(
            data=Data(
                name=f"{policy.name}, {kind}",
                source="simulated",
                split=f"{requests:,} requests over {DAYS} days, the same in both arms, "
                f"seed {seed}; nothing is learnt",
                costs="price book of the policy",
            ),
            sent=sent,
            hours=np.array([int((r.arrived - starts).total_seconds() // 3600) for r in sent]),
            routed=routed,
            fixed=fixed,
            lone=frozenset(n for n, task in policy.tasks.items() if len(task.chain) == 1),
        )


def _first_monday(policy: Policy) -> datetime:
    """Four weeks before the Monday of the week in which the capabilities were measured, when the
    policy's models and prices were current."""
    day = policy.capabilities.measured
    monday = day - timedelta(days=day.weekday() + DAYS)
    return datetime.combine(monday, time(), UTC)


def _drawn_outages(profiles: SimulationProfiles, seed: int) -> tuple[Outage, ...]:
    """One a day and deployment, at a time that does not depend on the other deployments."""
    lasts = OUT * _DAY
    return tuple(
        Outage.model_construct(
            deployment=name,
            starts=day * _DAY
            + Random(stable_seed("outage", seed, name, day)).random() * (_DAY - lasts),
            lasts=lasts,
            failure="server",
            share=1.0,
        )
        for name in profiles.deployments
        for day in range(DAYS)
    )


def _requests(policy: Policy, starts: datetime, count: int) -> list[Request]:
    tasks, tiers = list(policy.tasks), list(policy.tiers)
    examples = {task: policy.examples(task) for task in tasks}
    found = []
    for number in range(count):
        task = tasks[number % len(tasks)]
        texts = examples[task]
        found.append(
            Request(
                id=f"claim_{number:06d}",
                text=texts[number // len(tasks) % len(texts)],
                tier=tiers[number // _BLOCK % len(tiers)],
                arrived=starts + timedelta(days=DAYS) * (number / count),
                task=task,
            )
        )
    return found


def _without_choice(policy: Policy) -> Policy:
    alone = {
        name: task.model_copy(update={"chain": task.chain[:1], "explore": 0.0, "adapt": None})
        for name, task in policy.tasks.items()
    }
    return Policy(policy.file.model_copy(update={"tasks": alone, "rules": ()}), policy.path)


def _replies(
    policy: Policy,
    profiles: SimulationProfiles,
    sent: Sequence[Request],
    starts: datetime,
    seed: int,
) -> list[Reply]:
    clock = VirtualClock(starts)
    media = {name: policy.model_of(name).makes for name in policy.deployments}
    backend = Simulated(profiles, clock=clock, seed=seed, origin=starts, media=media)
    orchestra = Orchestra(policy, backend=backend, seed=seed, clock=clock, origin=starts)

    async def play() -> list[Reply]:
        replies = []
        for request in sent:
            await clock.sleep_until(request.arrived)
            replies.append(await orchestra.handle(request))
        return replies

    try:
        with orchestra:
            return clock.run_sync(play())
    finally:
        clock.close()
