"""The recorded backend: what real models really answered, replayed with its latency and tokens.

A prompt that was never recorded has no answer here: nothing is made up for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal

from orchestra_kit.core.answer import Answer, Call, Piece, Score, Source, Usage, UsageStatus
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import AttemptOutcome, ConfigError, FailureClass, ProviderError
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.providers.delivery import Delivery
from orchestra_kit.providers.faults import FaultScript
from orchestra_kit.providers.scripted import POOR_QUALITY, strike

__all__ = ["Recorded", "RecordedAnswer", "prompt_key"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswer(Shown):
    """One answer that was given."""

    prompt: str
    model: str
    text: str
    seconds: float
    """To the whole answer; 0 where it was not measured."""
    input_tokens: int | None
    output_tokens: int | None
    estimated: bool
    """Whether the token counts are estimates."""
    cost: Decimal | None
    """Dollars as recorded; None where unknown."""
    score: Score


_POOR = Score(value=POOR_QUALITY, scorer="fault script", reason="made poor on purpose")
"""What a `low_quality` fault puts in the place of the recorded score, labelled as no record."""


def prompt_key(prompt: str) -> str:
    """A digest that is alike for prompts that differ in white space at most."""
    normal = " ".join(prompt.split())
    return hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest()


class Recorded:
    """A backend of recorded answers. `models` gives the recorded model of each deployment."""

    source = Source.RECORDED

    def __init__(
        self,
        answers: Iterable[RecordedAnswer],
        *,
        models: Mapping[str, str],
        clock: Clock,
        seed: int = 0,
        faults: FaultScript | None = None,
    ) -> None:
        by_model: dict[str, dict[str, list[RecordedAnswer]]] = {}
        for answer in answers:
            kept = by_model.setdefault(answer.model, {})
            kept.setdefault(prompt_key(answer.prompt), []).append(answer)
        missing = sorted({model for model in models.values() if model not in by_model})
        if missing:
            raise ConfigError(
                f"The recording holds no answer of {', '.join(missing)}.",
                hint=f"It holds those of {', '.join(sorted(by_model)) or 'nobody'}.",
            )
        self._providers = {
            deployment: _RecordedDeployment(
                deployment, by_model[model], clock, seed, faults or FaultScript()
            )
            for deployment, model in models.items()
        }

    def provider(self, deployment: str) -> _RecordedDeployment:
        """The recorded deployment; raises ConfigError where nothing of it was recorded."""
        try:
            return self._providers[deployment]
        except KeyError:
            raise ConfigError(f"Nothing of “{deployment}” was recorded.") from None

    async def close(self) -> None:
        """Nothing is held."""


class _RecordedDeployment:
    def __init__(
        self,
        name: str,
        answers: Mapping[str, list[RecordedAnswer]],
        clock: Clock,
        seed: int,
        faults: FaultScript,
    ) -> None:
        self._name = name
        self._answers = answers
        self._clock = clock
        self._seed = seed
        self._faults = faults
        self._sends = 0

    async def send(self, call: Call) -> Answer:
        """The recorded answer after its recorded time; of several, one by seed and attempt."""
        return await (await self._found(call)).whole(self._clock)

    async def stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        """The words of the same answer, spread evenly over its time: no other was recorded."""
        delivery = await self._found(call)
        async with aclosing(delivery.stream(self._clock)) as pieces:
            async for piece in pieces:
                yield piece

    async def _found(self, call: Call) -> Delivery:
        """What was recorded of this call; raises ProviderError where it was never asked."""
        fault = self._faults.after(self._name, self._sends)
        self._sends += 1
        found = self._answers.get(prompt_key(call.text))
        if not found:
            if fault is not None:
                await strike(fault, self._clock)
            raise ProviderError(
                f"{self._name} was never asked this when the recording was made",
                failure=FailureClass.BAD_REQUEST,
                outcome=AttemptOutcome.NOT_SENT,
                hint="Ask one of the recorded prompts, or use another backend.",
            )
        draw = stable_seed(self._seed, call.request_id, self._name)
        recorded = found[(draw + call.attempt) % len(found)]
        poor = fault is not None and fault.kind == "low_quality"
        answer = Answer(
            text=recorded.text,
            model=recorded.model,
            usage=_usage(recorded),
            reported_cost=recorded.cost,
            score=_POOR if poor else recorded.score,
        )
        return Delivery(answer=answer, seconds=recorded.seconds, fault=fault)


def _usage(recorded: RecordedAnswer) -> Usage:
    if recorded.input_tokens is None or recorded.output_tokens is None:
        return Usage(status=UsageStatus.UNKNOWN)
    return Usage(
        input_tokens=recorded.input_tokens,
        output_tokens=recorded.output_tokens,
        status=UsageStatus.ESTIMATED if recorded.estimated else UsageStatus.REPORTED,
    )
