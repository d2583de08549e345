"""The capability matrix, measured: every deployment at every task that it can serve.

The policy's own labelled requests are sent straight to the backend, without routing, cascade or
retry, so that a cell says what one deployment does alone. The interval of the mean quality is
taken over the labelled requests, because repetitions of one request are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path

from tqdm.auto import tqdm

from orchestra_kit.core.answer import Answer, Call
from orchestra_kit.core.clock import Clock, SystemClock, VirtualClock
from orchestra_kit.core.decision import Classification
from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.errors import BenchError, ProviderError
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.core.request import Context, Request
from orchestra_kit.engine.backends import backend_factory
from orchestra_kit.outcomes.policy_pairs import pairs_of
from orchestra_kit.outcomes.statistics import mean_score
from orchestra_kit.policy.capabilities import Capabilities, Capability
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.faults import FaultScript
from orchestra_kit.providers.provider import Backend
from orchestra_kit.routing.context import measure

__all__ = ["Measured", "measure_capabilities", "pairs_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Shown):
    """A capability matrix that was just measured, and what did not answer on the way."""

    capabilities: Capabilities
    asked: int
    """Requests a cell."""
    failures: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Requests that were not answered, by deployment and class of failure."""
    unscored: tuple[str, ...] = ()
    """Cells, as ``deployment at task``, that have no entry because nothing could be scored."""

    @property
    def cells(self) -> Mapping[str, Mapping[str, Capability]]:
        """What was measured, by deployment and task."""
        return self.capabilities.cells

    def table(self) -> Table:
        """One row a cell."""
        cells = [
            (deployment, task, cell)
            for deployment, tasks in self.capabilities.cells.items()
            for task, cell in tasks.items()
        ]
        return Table(
            ("deployment", "task", "quality", "95 % interval", "p50", "p95", "output tokens", "n"),
            [
                (
                    deployment,
                    task,
                    f"{cell.quality:.3f}",
                    f"{cell.quality_low:.3f} to {cell.quality_high:.3f}",
                    f"{cell.p50:.2f} s",
                    f"{cell.p95:.2f} s",
                    f"{cell.output_tokens:.0f}",
                    cell.n,
                )
                for deployment, task, cell in cells
            ],
            title=f"Capabilities ({self.capabilities.source}): {self.capabilities.how}",
            right=frozenset({"quality", "95 % interval", "p50", "p95", "output tokens", "n"}),
        )

    def write(self, path: Path | str) -> None:
        """Write ``capabilities.yaml``; the same figures give the same bytes."""
        self.capabilities.write(path)


def measure_capabilities(
    policy: Policy,
    *,
    backend: str | Backend = "simulated",
    n: int = 200,
    seed: int = 0,
    on: date | None = None,
    clock: Clock | None = None,
    progress: bool = False,
) -> Measured:
    """Send `n` labelled requests to each deployment for each task that it can serve.

    `on` is the day that the figures are dated, today by default. Time is virtual for the
    simulated and recorded backends, real for any other, unless a `clock` is handed in. Raises
    BenchError when `n` is less than 1 or when nothing at all could be scored.
    """
    if n < 1:
        raise BenchError(f"{n} requests a cell measure nothing.", hint="Ask for at least 1.")
    day = on or datetime.now(UTC).date()
    if clock is None:
        virtual = backend in ("simulated", "recorded")
        noon = datetime.combine(day, time(12), tzinfo=UTC)
        clock = VirtualClock(noon) if virtual else SystemClock()
    opened = (
        backend_factory(backend)(
            policy, clock=clock, seed=seed, faults=FaultScript(), origin=None, recording=None
        )
        if isinstance(backend, str)
        else backend
    )
    campaign = _Campaign(policy, opened, clock, n, seed)
    return clock.run_sync(campaign.run(day, progress=progress))


@dataclass(frozen=True, slots=True)
class _Sample:
    example: int
    seconds: float
    output_tokens: int
    score: float | None


class _Campaign:
    def __init__(self, policy: Policy, backend: Backend, clock: Clock, n: int, seed: int) -> None:
        self._policy = policy
        self._backend = backend
        self._clock = clock
        self._n = n
        self._seed = seed
        self._failures: dict[str, dict[str, int]] = {}

    async def run(self, day: date, *, progress: bool) -> Measured:
        cells: dict[str, dict[str, Capability]] = {}
        unscored = []
        pairs = list(pairs_of(self._policy))
        try:
            for deployment, task in tqdm(pairs, desc="measuring", disable=not progress):
                cell = _cell(await self._sample(deployment, task))
                if cell is None:
                    unscored.append(f"{deployment} at {task}")
                else:
                    cells.setdefault(deployment, {})[task] = cell
        finally:
            await self._backend.close()
        if not cells:
            raise BenchError(
                "no answer could be scored, so that there is no capability to write down.",
                hint="Use a backend whose answers carry a score.",
            )
        source = self._backend.source.value
        capabilities = Capabilities(
            source=source,
            measured=day,
            how=f"{self._n} labelled requests a cell, sent one by one to the {source} backend "
            f"without routing or retries, seed {self._seed}; n counts scored answers",
            cells=cells,
        )
        return Measured(
            capabilities=capabilities,
            asked=self._n,
            failures=self._failures,
            unscored=tuple(unscored),
        )

    async def _sample(self, deployment: str, task: str) -> list[_Sample]:
        provider = self._backend.provider(deployment)
        examples = self._policy.examples(task)
        samples = []
        for number in range(self._n):
            which = number % len(examples)
            call = self._call(deployment, task, number, examples[which])
            started = self._clock.monotonic()
            try:
                answer = await provider.send(call)
            except ProviderError as error:
                counts = self._failures.setdefault(deployment, {})
                counts[error.failure.value] = counts.get(error.failure.value, 0) + 1
                continue
            seconds = self._clock.monotonic() - started
            samples.append(
                _Sample(which, seconds, answer.usage.output_tokens, _usable_score(answer))
            )
        return samples

    def _call(self, deployment: str, task: str, number: int, text: str) -> Call:
        tiers = tuple(self._policy.tiers)
        request = Request(
            id=f"measure_{task}_{number}",
            text=text,
            tier=tiers[number % len(tiers)],
            arrived=self._clock.now(),
            task=task,
        )
        serving = self._policy.deployments[deployment]
        context = measure(request, Classification(task, 1.0, by="sender"), budget_left=1.0)
        return Call(
            request_id=request.id,
            deployment=deployment,
            model=serving.served_as or serving.model,
            text=text,
            task=task,
            tier=request.tier,
            context=_told(context),
            attempt=0,
            max_output_tokens=self._policy.tasks[task].max_output_tokens,
            parameters=serving.parameters,
            seed=stable_seed(self._seed, request.id),
        )


def _told(context: Context) -> dict[str, object]:
    """What of the context a provider that does not really call is told, as the engine does."""
    return {
        "words": context.words,
        "tokens": context.tokens,
        "complexity": context.complexity,
        "session_turns": context.session_turns,
    }


def _usable_score(answer: Answer) -> float | None:
    value = answer.score.value if answer.score else None
    return value if value is not None and math.isfinite(value) and 0 <= value <= 1 else None


def _cell(samples: Sequence[_Sample]) -> Capability | None:
    scored = [sample for sample in samples if sample.score is not None]
    if not scored:
        return None
    quality = mean_score(
        [sample.score for sample in scored if sample.score is not None],
        [sample.example for sample in scored],
    )
    seconds = sorted(sample.seconds for sample in samples)
    # A single answer says nothing of the mean's spread: the interval is then the whole scale.
    low = 0.0 if quality.low is None else quality.low
    high = 1.0 if quality.high is None else quality.high
    return Capability(
        quality=round(quality.value, 4),
        quality_low=round(low, 4),
        quality_high=round(high, 4),
        p50=max(0.001, round(_quantile(seconds, 0.50), 3)),
        p95=max(0.001, round(_quantile(seconds, 0.95), 3)),
        output_tokens=round(sum(s.output_tokens for s in samples) / len(samples), 1),
        n=len(scored),
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The order statistic that at least `share` of the values do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
