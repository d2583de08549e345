"""The simulated backend: seeded profiles instead of models, through the engine's own path.

What a send yields depends only on the seed, the request, the deployment and the attempt (and, in
an outage, on the clock), so that a run is repeated exactly. Waiting is the clock's: on a virtual
one it costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from random import Random
from typing import get_args

from orchestra_kit.core.answer import Answer, Call, Piece, Score, Source, Usage
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import (
    AttemptOutcome,
    ConfigError,
    FailureClass,
    Problem,
    ProviderError,
)
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import Medium
from orchestra_kit.providers.delivery import Delivery
from orchestra_kit.providers.faults import Fault, FaultKind, FaultScript
from orchestra_kit.providers.profiles import (
    Outage,
    Profile,
    SimulationProfiles,
    Spread,
    TaskProfile,
)
from orchestra_kit.providers.scripted import POOR_QUALITY

__all__ = ["Simulated", "open_backend"]

TOKENS_PER_WORD = 1.35
"""Tokens of an English word, as OpenAI and Google state for their tokenizers (about 3/4 word)."""
_LONGEST_REACTION = 2.0
"""Seconds in which a deployment at most says that it cannot."""
_FEWEST_TOKENS = 8
_CHANCE: Mapping[str, Fault] = {
    "rate": Fault(kind="rate", retry_after=2.0),
    **{kind: Fault(kind=kind) for kind in get_args(FaultKind) if kind not in {"rate", "none"}},
}
"""What strikes by outage or by chance; a rate limit asks for two seconds."""
_Z95 = 1.6448536269514722
_KIND: Mapping[Medium, str] = {"text": "text/plain", "image": "image/png", "audio": "audio/mpeg"}


def open_backend(
    policy: Policy,
    *,
    clock: Clock,
    seed: int,
    faults: FaultScript,
    origin: datetime | None,
    recording: Path | None,
) -> Simulated:
    """The simulated backend of a policy.

    Raises ConfigError naming every deployment without a profile, and every one whose profile lacks
    a task of whose chain it is part.
    """
    del recording
    profiles = SimulationProfiles.load(policy.simulation_path)
    file = str(policy.simulation_path)
    strangers = [name for name in policy.deployments if name not in profiles.deployments]
    missing = [
        Problem(file, 0, "deployments", f"has no profile of {', '.join(strangers)}.", "Add it.")
    ] * bool(strangers)
    missing += [
        Problem(
            file,
            0,
            f"deployments.{name}.tasks.{task}",
            f"is missing, although the chain of {task} calls {name}.",
            "Add the task to the profile.",
        )
        for task, asked in policy.tasks.items()
        for link in asked.chain
        for name in policy.targets(link.use)
        if (profile := profiles.deployments.get(name)) and task not in profile.tasks
    ]
    if missing:
        raise ConfigError(missing)
    media = {name: policy.model_of(name).makes for name in policy.deployments}
    return Simulated(profiles, media=media, clock=clock, seed=seed, faults=faults, origin=origin)


class Simulated:
    """A backend of profiles. `media` says what each deployment makes; text where absent."""

    source = Source.SIMULATED

    def __init__(
        self,
        profiles: SimulationProfiles,
        *,
        clock: Clock,
        seed: int,
        faults: FaultScript | None = None,
        origin: datetime | None = None,
        media: Mapping[str, Medium] | None = None,
    ) -> None:
        script = faults or FaultScript()
        self._providers = {
            name: _SimulatedDeployment(
                name,
                profile,
                makes=(media or {}).get(name, "text"),
                outages=_moments(profiles.outages, name, origin),
                clock=clock,
                seed=seed,
                faults=script,
            )
            for name, profile in profiles.deployments.items()
        }

    def provider(self, deployment: str) -> _SimulatedDeployment:
        """The simulated deployment; raises ConfigError where there is no profile of it."""
        try:
            return self._providers[deployment]
        except KeyError:
            raise ConfigError(f"There is no profile of “{deployment}”.") from None

    async def close(self) -> None:
        """Nothing is held."""


def _moments(
    outages: tuple[Outage, ...], deployment: str, origin: datetime | None
) -> tuple[tuple[float, float, Outage], ...]:
    if origin is None:
        return ()
    start = origin.timestamp()
    return tuple(
        (start + o.starts, start + o.starts + o.lasts, o)
        for o in outages
        if o.deployment == deployment
    )


class _Lognormal:
    """Durations whose median and 95 % quantile are given."""

    __slots__ = ("_mu", "_sigma")

    def __init__(self, spread: Spread) -> None:
        self._mu = math.log(spread.p50)
        self._sigma = math.log(spread.p95 / spread.p50) / _Z95

    def draw(self, random: Random) -> float:
        return math.exp(self._mu + self._sigma * random.gauss(0.0, 1.0))


class _SimulatedDeployment:
    def __init__(
        self,
        name: str,
        profile: Profile,
        *,
        makes: Medium,
        outages: tuple[tuple[float, float, Outage], ...],
        clock: Clock,
        seed: int,
        faults: FaultScript,
    ) -> None:
        self._name = name
        self._makes = makes
        self._clock = clock
        self._seed = seed
        self._faults = faults
        self._sends = 0
        self._outages = outages
        self._first = _Lognormal(profile.first_token)
        self._fixed = _Lognormal(profile.fixed) if profile.fixed else None
        self._pace = profile.tokens_per_second
        self._failures = tuple(profile.failures.items())
        self._tasks = profile.tasks

    async def send(self, call: Call) -> Answer:
        """The answer that the profile draws, after the time that it draws; or a failure."""
        return await self._drawn(call).whole(self._clock)

    async def stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        """The words of the same answer over the same time; or the same failure."""
        async with aclosing(self._drawn(call).stream(self._clock)) as pieces:
            async for piece in pieces:
                yield piece

    def _drawn(self, call: Call) -> Delivery:
        """All that chance decides of one send."""
        task = self._task(call.task)
        random = Random(stable_seed(self._seed, call.request_id, self._name, call.attempt))
        fault = self._faults.after(self._name, self._sends) or self._struck(random)
        self._sends += 1
        first = self._first.draw(random)
        meant = self._tokens(call, task, random)
        most = call.max_output_tokens
        tokens = meant if most is None else min(meant, most)
        seconds = first + self._making(tokens, random)
        poor = fault is not None and fault.kind == "low_quality"
        quality = POOR_QUALITY if poor else _quality(call, task, random)
        answer = Answer(
            text=self._text(call, tokens),
            model=call.model,
            usage=self._usage(call, tokens),
            finish="stop" if tokens == meant else "length",
            media_type=_KIND[self._makes],
            first_token_seconds=first,
            score=Score(value=quality, scorer="simulated"),
        )
        reaction = min(first, _LONGEST_REACTION)
        return Delivery(answer=answer, seconds=seconds, fault=fault, reaction=reaction)

    def _struck(self, random: Random) -> Fault | None:
        """The fault of this send, by outage or by chance."""
        chance = random.random()
        if self._outages:
            now = self._clock.now().timestamp()
            for begins, ends, outage in self._outages:
                if begins <= now < ends and random.random() < outage.share:
                    return _CHANCE[outage.failure]
        for kind, share in self._failures:
            if chance < share:
                return _CHANCE[kind]
            chance -= share
        return None

    def _tokens(self, call: Call, task: TaskProfile, random: Random) -> int:
        """Tokens of the answer: about as long as was asked for; 0 where it is no text."""
        if self._makes != "text":
            return 0
        asked = call.context.get("words")
        if isinstance(asked, int) and asked > 0:
            mean = asked * TOKENS_PER_WORD
        else:
            mean = task.output_tokens
        return max(_FEWEST_TOKENS, round(mean * random.lognormvariate(-0.005, 0.1)))

    def _making(self, tokens: int, random: Random) -> float:
        if self._fixed is not None:
            return self._fixed.draw(random)
        assert self._pace is not None
        return tokens / self._pace * random.lognormvariate(-0.01, 0.15)

    def _usage(self, call: Call, tokens: int) -> Usage:
        asked = call.context.get("tokens")
        prompt = asked if isinstance(asked, int) else max(1, len(call.text) // 4)
        if self._makes == "image":
            return Usage(input_tokens=prompt, images=1)
        if self._makes == "audio":
            return Usage(characters=len(call.text))
        return Usage(input_tokens=prompt, output_tokens=tokens)

    def _text(self, call: Call, tokens: int) -> str:
        what = call.task.replace("_", " ")
        if self._makes == "text":
            words = round(tokens / TOKENS_PER_WORD)
            return f"[simulated {what} of {words:,} words by {call.model}]"
        return f"[simulated {what} by {call.model}]"

    def _task(self, task: str) -> TaskProfile:
        try:
            return self._tasks[task]
        except KeyError:
            raise ProviderError(
                f"the profile of {self._name} has no task “{task}”",
                failure=FailureClass.BAD_REQUEST,
                outcome=AttemptOutcome.NOT_SENT,
                hint="Add the task to the profile, or keep the deployment away from it.",
            ) from None


def _quality(call: Call, task: TaskProfile, random: Random) -> float:
    complexity = call.context.get("complexity")
    share = float(complexity) / 100 if isinstance(complexity, (int, float)) else 0.0
    return min(1.0, max(0.0, random.gauss(task.quality - task.difficulty * share, task.spread)))
