"""The backend that replays a table of outcomes: real answers, without their servers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from orchestra_kit.core.answer import Score, Source
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import ConfigError, Problem, TableError
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.faults import FaultScript
from orchestra_kit.providers.recorded import Recorded, RecordedAnswer

__all__ = ["find_recording", "open_backend", "recorded_answers"]

_PLACES = ("recorded.parquet", "../recorded/outcomes.parquet")
"""Where a policy's recording is looked for, from the policy's folder."""


def open_backend(
    policy: Policy,
    *,
    clock: Clock,
    seed: int,
    faults: FaultScript,
    origin: datetime | None = None,
    recording: Path | None = None,
) -> Recorded:
    """The recorded answers of the policy's models, with their latency, tokens, cost and score.

    `origin` is for backends that know of outages and means nothing here. Raises ConfigError where
    no recording is found, where it is no table of outcomes (TableError), or where it lacks the
    answers of one of the policy's models.
    """
    del origin
    path = find_recording(policy, recording)
    outcomes = Outcomes.read(path)
    if outcomes.source is not Source.RECORDED:
        message = f"holds {outcomes.source.value} outcomes; only recorded ones are replayed."
        raise TableError(Problem(str(path), 0, "source", message))
    models = {name: serving.model for name, serving in policy.deployments.items()}
    return Recorded(
        recorded_answers(outcomes, str(path)), models=models, clock=clock, seed=seed, faults=faults
    )


def find_recording(policy: Policy, recording: Path | None) -> Path:
    """The recording to replay: the one named, else the policy's own.

    Raises ConfigError where there is none.
    """
    if recording is not None:
        return recording
    for place in _PLACES:
        path = policy.folder / place
        if path.is_file():
            return path
    raise ConfigError(
        f"There is no recording for the policy “{policy.name}”.",
        hint=f"Name a Parquet file of outcomes, or put one at {' or '.join(_PLACES)} "
        f"from {policy.folder}.",
    )


def recorded_answers(outcomes: Outcomes, file: str) -> Iterator[RecordedAnswer]:
    """The rows that have an answer, as the backend wants them; attempts that failed are left out.

    Raises TableError for a table without a column ``response``.
    """
    frame = outcomes.frame
    if "response" not in frame or frame["response"].isna().all():
        message = "the answers themselves are missing, and without them nothing can be replayed."
        raise TableError(Problem(file, 0, "response", message))
    answered = frame[frame["response"].notna()]
    names = ("prompt", "model", "response", "latency_s", "input_tokens", "output_tokens",
             "tokens_source", "cost_usd", "score")  # fmt: skip
    columns = [answered[name].astype(object).where(answered[name].notna(), None) for name in names]
    scorers = answered["scorer" if "scorer" in answered else "dataset"].fillna("unnamed")
    reasons = answered["reason"].fillna("") if "reason" in answered else [""] * len(answered)
    for values in zip(*columns, scorers, reasons, strict=True):
        prompt, model, text, seconds, fed, made, origin, cost, score, scorer, reason = values
        yield RecordedAnswer(
            prompt=str(prompt),
            model=str(model),
            text=str(text),
            seconds=0.0 if seconds is None else float(seconds),
            input_tokens=None if fed is None else int(fed),
            output_tokens=None if made is None else int(made),
            estimated=origin != "recorded",
            cost=None if cost is None else Decimal(repr(float(cost))),
            score=Score(
                value=None if score is None else float(score),
                scorer=str(scorer),
                reason=str(reason),
            ),
        )
