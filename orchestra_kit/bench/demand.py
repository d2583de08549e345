"""What a service is asked in a day: arrivals, users, sessions and wording, drawn from a file.

The file says how many requests come, when, from whom and in what words; a day is then a function
of the seed and the date alone, so that any day can be drawn again without drawing the days before.
"""

from __future__ import annotations

import itertools
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from string import Formatter
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import numpy as np
from pydantic import BeforeValidator, Field, field_validator, model_validator

from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import ConfigError
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.policy.document import read_document
from orchestra_kit.policy.reading import read_as
from orchestra_kit.policy.schema import Name, Seconds, Share, _Strict

__all__ = ["Demand", "DemandFile", "DemandedRequest", "Template"]

T = TypeVar("T")
Positive = Annotated[float, Field(gt=0)]
Weights: TypeAlias = dict[Name, Annotated[float, Field(ge=0)]]


def _template(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


class Template(_Strict):
    """One way of asking; ``{slot}`` stands for a value of that slot."""

    text: Annotated[str, Field(min_length=1)]
    weight: Positive = 1.0
    attachments: tuple[str, ...] = ()
    """Media types that such a request brings along."""

    @property
    def parts(self) -> tuple[tuple[str, str | None], ...]:
        """Literal text and the slot after it, in order."""
        return tuple((text, slot) for text, slot, _, _ in Formatter().parse(self.text))


class Users(_Strict):
    """Who asks: user k of a tier sends in proportion to 1 / k ** skew."""

    number: Annotated[int, Field(ge=1, le=1_000_000)]
    skew: Annotated[float, Field(ge=0, le=3)]


class Sessions(_Strict):
    """How requests hang together."""

    share: Share
    """Share of requests that belong to a session."""
    gap: Seconds
    """A session that was silent for longer is over."""


class Repeats(_Strict):
    """Requests that were asked before, word for word or nearly so."""

    share: Share
    pool: Annotated[int, Field(ge=1, le=10_000)]
    """Common requests of each task; some are asked far more often than others."""


class DemandFile(_Strict):
    """The whole description."""

    note: str = ""
    requests_a_day: Annotated[float, Field(gt=0, le=10_000_000)]
    """On a day of average weight."""
    hours: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=24, max_length=24)]
    """Weight of each hour, UTC."""
    weekdays: Annotated[
        tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=7, max_length=7)
    ]
    """Weight of each day, Monday first."""
    tiers: Weights
    """Share of the requests, by tier."""
    tasks: dict[Name, Weights]
    """Share of a tier's requests, by tier and task."""
    features: dict[Name, Weights]
    """How much each product feature asks for, by feature and task."""
    users: Users
    sessions: Sessions
    repeats: Repeats
    unclear: Share
    """Share of requests from which nobody could tell the task."""
    unclear_texts: Annotated[tuple[str, ...], Field(min_length=1)]
    slots: dict[str, tuple[str, ...] | dict[Name, tuple[str, ...]]]
    """Values of each slot, for all tiers alike or by tier."""
    templates: dict[
        Name, Annotated[tuple[Annotated[Template, BeforeValidator(_template)], ...], Field()]
    ]
    """Ways of asking, by task."""

    @field_validator("hours", "weekdays", "tiers")
    @classmethod
    def _weighs_something(cls, value: Any) -> Any:
        if sum(value.values() if isinstance(value, dict) else value) <= 0:
            raise ValueError("must weigh more than 0 together")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> DemandFile:
        if missing := sorted(self.tiers.keys() - self.tasks.keys()):
            raise ValueError(f"gives no tasks for {', '.join(missing)}")
        asked = {task for shares in self.tasks.values() for task in shares}
        if missing := sorted(asked - self.templates.keys()):
            raise ValueError(f"gives no templates for {', '.join(missing)}")
        offered = {task for shares in self.features.values() for task in shares}
        if missing := sorted(asked - offered):
            raise ValueError(f"gives no feature for {', '.join(missing)}")
        named = {slot for ts in self.templates.values() for t in ts for _, slot in t.parts if slot}
        for slot, tier in itertools.product(sorted(named), self.tiers):
            if not _values(self.slots, slot, tier):
                raise ValueError(f"gives no value for the slot “{slot}” ({tier})")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandedRequest(Shown):
    """One request as it will arrive."""

    at: float
    """Seconds since 00:00 UTC of its day."""
    text: str
    tier: str
    task_truth: str | None
    """The task that its author had in mind; None where nobody could tell."""
    user: str
    feature: str
    session: str
    """Empty where the request stands alone."""
    session_turns: int
    attachments: tuple[str, ...] = ()


class Demand:
    """Draws days of requests."""

    def __init__(self, file: DemandFile) -> None:
        self.file = file
        self._tiers = _Choice(file.tiers)
        self._tasks = {tier: _Choice(file.tasks[tier]) for tier in file.tiers}
        tasks = {task for shares in file.tasks.values() for task in shares}
        self._features = {
            task: _Choice({f: w[task] for f, w in file.features.items() if task in w})
            for task in tasks
        }
        self._users = _users(file)
        self._templates = {
            task: _Choice({i: t.weight for i, t in enumerate(file.templates[task])})
            for task in tasks
        }
        self._parts = {task: [t.parts for t in file.templates[task]] for task in tasks}
        self._values = {
            (slot, tier): _values(file.slots, slot, tier)
            for slot, tier in itertools.product(file.slots, file.tiers)
        }
        self._common_rank = _Choice({k: 1 / (k + 1) for k in range(file.repeats.pool)})
        self._common: dict[int, dict[tuple[str, str], list[_Wording]]] = {}

    @classmethod
    def load(cls, path: Path | str) -> Demand:
        """Read the file; raises ConfigError with every fault in it."""
        return cls(read_as(DemandFile, read_document(path, error=ConfigError), ConfigError))

    def draw(self, day: date, seed: int) -> list[DemandedRequest]:
        """The requests of a day in the order of their arrival.

        Arrivals are a Poisson process whose rate is constant within an hour. The same day and seed
        give the same requests.
        """
        random = Random(stable_seed("demand", seed, day.isoformat()))
        sessions: dict[str, _Session] = {}
        return [
            self._request(at, number, day, seed, random, sessions)
            for number, at in enumerate(self._arrivals(day, seed))
        ]

    def _arrivals(self, day: date, seed: int) -> list[float]:
        generator = np.random.default_rng(stable_seed("arrivals", seed, day.isoformat()))
        weekdays, hours = np.array(self.file.weekdays), np.array(self.file.hours)
        expected = self.file.requests_a_day * weekdays[day.weekday()] / weekdays.mean()
        counts = generator.poisson(expected * hours / hours.sum())
        starts = np.repeat(np.arange(24) * 3600.0, counts)
        return np.sort(starts + generator.random(len(starts)) * 3600.0).round(3).tolist()  # type: ignore[no-any-return]

    def _request(
        self,
        at: float,
        number: int,
        day: date,
        seed: int,
        random: Random,
        sessions: dict[str, _Session],
    ) -> DemandedRequest:
        tier = self._tiers.draw(random)
        user = self._users[tier].draw(random)
        session = sessions.get(user)
        joins = random.random() < self.file.sessions.share
        if joins and (session is None or at - session.last > self.file.sessions.gap):
            session = None
        task = session.task if joins and session else self._tasks[tier].draw(random)
        feature = session.feature if joins and session else self._features[task].draw(random)
        if joins and session is None:
            session = sessions[user] = _Session(f"s-{day:%m%d}-{number:05d}", task, feature)
        turns = session.turn(at) if joins and session else 0
        truth, wording = self._wording(task, tier, seed, random)
        return DemandedRequest(
            at=at,
            text=wording.text,
            tier=tier,
            task_truth=truth,
            user=user,
            feature=feature,
            session=session.id if joins and session else "",
            session_turns=turns,
            attachments=wording.attachments,
        )

    def _wording(
        self, task: str, tier: str, seed: int, random: Random
    ) -> tuple[str | None, _Wording]:
        kind = random.random()
        if kind < self.file.unclear:
            return None, _Wording(random.choice(self.file.unclear_texts), ())
        if kind < self.file.unclear + self.file.repeats.share:
            common = self._common_wordings(task, tier, seed)[self._common_rank.draw(random)]
            return task, _Wording(_nearly(common.text, random), common.attachments)
        return task, self._fresh(task, tier, random)

    def _common_wordings(self, task: str, tier: str, seed: int) -> list[_Wording]:
        pools = self._common.setdefault(seed, {})
        if (task, tier) not in pools:
            random = Random(stable_seed("common", seed, task, tier))
            pools[task, tier] = [
                self._fresh(task, tier, random) for _ in range(self.file.repeats.pool)
            ]
        return pools[task, tier]

    def _fresh(self, task: str, tier: str, random: Random) -> _Wording:
        index = self._templates[task].draw(random)
        pieces: list[str] = []
        used: set[str] = set()
        for text, slot in self._parts[task][index]:
            pieces.append(text)
            if slot is None:
                continue
            values = self._values[slot, tier]
            value = values[int(random.random() * len(values))]
            if value in used:  # a slot that stands twice should not say the same twice
                value = values[int(random.random() * len(values))]
            used.add(value)
            pieces.append(value)
        return _Wording("".join(pieces), self.file.templates[task][index].attachments)


@dataclass(frozen=True, slots=True)
class _Wording:
    text: str
    attachments: tuple[str, ...]


@dataclass(slots=True)
class _Session:
    id: str
    task: str
    feature: str
    turns: int = -1
    last: float = 0.0

    def turn(self, at: float) -> int:
        """Turns before this one."""
        self.turns += 1
        self.last = at
        return self.turns


class _Choice(Generic[T]):
    """Draws one of several with given weights."""

    def __init__(self, weights: Mapping[T, float]) -> None:
        self._items = list(weights)
        self._steps = list(itertools.accumulate(weights.values()))

    def draw(self, random: Random) -> T:
        place = bisect(self._steps, random.random() * self._steps[-1])
        return self._items[min(place, len(self._items) - 1)]


def _users(file: DemandFile) -> dict[str, _Choice[str]]:
    """Users by tier: as many in each as its share of the requests, at least one."""
    total, found, first = sum(file.tiers.values()), {}, 1
    for tier, share in file.tiers.items():
        number = max(1, round(file.users.number * share / total))
        found[tier] = _Choice(
            {f"user-{first + k:04d}": (k + 1.0) ** -file.users.skew for k in range(number)}
        )
        first += number
    return found


def _values(
    slots: Mapping[str, Sequence[str] | Mapping[str, Sequence[str]]], slot: str, tier: str
) -> Sequence[str]:
    values = slots.get(slot, ())
    return values.get(tier, ()) if isinstance(values, Mapping) else values


def _nearly(text: str, random: Random) -> str:
    """The text as somebody else would type it: the same to a careful reader."""
    kind = int(random.random() * 6)
    if kind == 0:
        return text.lower()
    if kind == 1:
        return text + ("" if text.endswith((".", "!", "?", '"')) else ".")
    if kind == 2:
        return "  ".join(text.split(" ", 1)) + " "
    return text
