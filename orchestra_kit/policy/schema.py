"""The shape of a policy file, as pydantic sees it.

Durations are written ``30s``, ``5m``, ``24h`` and held in seconds; amounts are written ``$0.12``
and held as `Decimal` dollars; qualities and shares lie between 0 and 1.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
)

from orchestra_kit.core.errors import FailureClass
from orchestra_kit.core.money import parse_usd

__all__ = [
    "Adaptation",
    "Alert",
    "Budget",
    "Caching",
    "Criteria",
    "Degradation",
    "Deployment",
    "Guardrail",
    "Hedging",
    "Limits",
    "Link",
    "Medium",
    "Model",
    "PolicyFile",
    "Rule",
    "Streaming",
    "Task",
    "Tier",
    "Trigger",
    "seconds_of",
]

_DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>ms|s|m|h|d)")
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(value: Any) -> float:
    """Seconds of ``30s``, ``1.5m`` or a number of seconds; raises ValueError otherwise."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        seconds = float(match["number"]) * _UNIT[match["unit"]]
    else:
        raise ValueError("is not a duration; write it as 30s, 5m or 24h")
    if seconds <= 0:
        raise ValueError("must be longer than 0 s")
    return seconds


def _usd(value: Any) -> Decimal:
    if not isinstance(value, (str, int, float, Decimal)):
        raise ValueError("is not an amount of dollars; write it as $0.12")
    return parse_usd(value)


def _not_a_switch(value: Any) -> Any:
    """``true`` is no number, although Python counts it as 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _list_of(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # as zoneinfo says unknown, malformed and a folder
        raise ValueError(
            "is not a time zone of the IANA data base; write one such as Europe/Berlin"
        ) from None
    return name


Seconds = Annotated[float, BeforeValidator(seconds_of), PlainSerializer(lambda s: f"{s:g}s")]
Usd = Annotated[Decimal, BeforeValidator(_usd), PlainSerializer(lambda d: f"${d}")]
Share = Annotated[float, BeforeValidator(_not_a_switch), Field(ge=0, le=1)]
Weight = Annotated[float, BeforeValidator(_not_a_switch), Field(ge=0, le=10)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,79}$")]
Names = Annotated[tuple[Name, ...], BeforeValidator(_list_of)]
Medium = Literal["text", "image", "audio"]
Trigger = Literal[
    "timeout", "rate", "quota", "overloaded", "server", "connect", "context", "content",
    "malformed", "auth", "not_found", "low_quality",
]  # fmt: skip
ALL_TRIGGERS: tuple[Trigger, ...] = (
    "timeout", "rate", "quota", "overloaded", "server", "connect", "context", "malformed",
    "auth", "not_found", "low_quality",
)  # fmt: skip
"""What moves a request on by default: everything but a content refusal, which a policy must
allow in words, because another provider's laxer filter is not a remedy."""

TRIGGER_OF: dict[FailureClass, Trigger] = {
    FailureClass.TIMEOUT: "timeout",
    FailureClass.STREAM_CUT: "timeout",
    FailureClass.STREAM_GARBLED: "malformed",
    FailureClass.RATE: "rate",
    FailureClass.CONCURRENCY: "rate",
    FailureClass.QUOTA: "quota",
    FailureClass.OVERLOADED: "overloaded",
    FailureClass.CIRCUIT: "server",
    FailureClass.LIMIT: "rate",
    FailureClass.LOCAL: "malformed",
    FailureClass.SERVER: "server",
    FailureClass.CONNECT: "connect",
    FailureClass.CONTEXT: "context",
    FailureClass.CONTENT: "content",
    FailureClass.MALFORMED: "malformed",
    FailureClass.AUTH: "auth",
    FailureClass.NOT_FOUND: "not_found",
    FailureClass.LOW_QUALITY: "low_quality",
}
"""The trigger a failure pulls; a class that is absent here ends the request."""


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        populate_by_name=True,
    )


class Tier(_Strict):
    """A level of service: the weights of the priority score."""

    is_: Annotated[str, Field(alias="is")] = ""
    quality: Weight
    cost: Weight
    latency: Weight
    value: Weight = 0.0
    """Of the profit to be expected of an answer, relative to what it is worth to the tier."""


class Criteria(_Strict):
    """What success means for a task."""

    quality: Share
    """Mean quality to reach."""
    p90_latency: Seconds
    cost: Usd
    """Mean dollars a request, at most."""


class Link(_Strict):
    """One tier of a fallback chain."""

    use: Name
    """A deployment, or a model: any of its deployments, balanced."""
    timeout: Seconds
    when: tuple[Trigger, ...] = ALL_TRIGGERS
    """The failures of this link that hand the request to the next."""


class Degradation(_Strict):
    """What happens after the last tier."""

    queue: Name | None = None
    """Queue that keeps the request for later; None tells the requester it is unavailable."""
    say: Annotated[str, Field(min_length=1, max_length=400)]
    tell: Name | None = None
    """Who is told."""


class Streaming(_Strict):
    """How long a stream may be silent."""

    headers: Seconds | None = None
    """From the send until the server has taken the call; None where `first_token` says it all, as
    it must for servers that send their headers with the first token."""
    first_token: Seconds = 30.0
    """From the send to the first sign of an answer; models that think long need two minutes."""
    between_tokens: Seconds = 30.0


class Hedging(_Strict):
    """A second send to the next link when the first is slow: one answer, both paid for.

    Only text is hedged, and only while every breaker of the chain is closed.
    """

    share: Annotated[float, Field(gt=0, le=0.05)]
    """Of the task's requests, at most."""


class Caching(_Strict):
    """Answers that are kept, and given again to whoever asks for exactly the same."""

    ttl: Seconds
    """For how long an answer counts as fresh."""
    shared_by: Literal["user", "team", "everyone"] = "user"
    """Whose requests may be answered by each other's answers."""


class Adaptation(_Strict):
    """Recent success, latency and errors move part of the traffic between scored deployments."""

    within: Annotated[float, Field(gt=0, le=0.5)]
    """Share of the requests that may be moved away from the best score."""
    floor: Annotated[float, Field(gt=0, le=0.1)] = 0.01
    """Least probability of every eligible deployment, so that each stays measured."""
    half_life: Seconds = 3600.0
    """After which an observation counts half."""


class Task(_Strict):
    """A kind of work, its criteria, its value and its chain."""

    is_: Annotated[str, Field(alias="is", min_length=1)]
    makes: Medium = "text"
    examples: str
    """File of labelled requests, one a line, beside the policy."""
    must: Criteria
    value: dict[Name, Usd]
    """Dollars that an accepted answer is worth, by tier."""
    quality_floor: Share
    """An answer that scores below it counts as `low_quality`."""
    chain: Annotated[tuple[Link, ...], Field(min_length=1, max_length=3)]
    then: Degradation
    explore: Annotated[float, Field(ge=0, le=0.2)] = 0.0
    """Share of requests that try another eligible deployment first, so that it is measured."""
    max_output_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 4_000
    cut_off: Literal["deliver", "again"] = "deliver"
    """What becomes of an answer that reached its greatest length: delivered, marked as `truncated`,
    or asked for once more with twice the room, and then of the next link."""
    streaming: Streaming = Streaming()
    hedge: Hedging | None = None
    cache: Caching | None = None
    adapt: Adaptation | None = None


class Model(_Strict):
    """What answers: where it is strong, what disqualifies it, when it retires."""

    maker: str = ""
    makes: Medium = "text"
    context_window: Annotated[int, Field(ge=1)] | None = None
    """Tokens; None where the notion does not apply."""
    released: date | None = None
    retired: date | None = None
    successor: Name | None = None
    access: Literal["api", "manual"] = "api"
    """``manual``: a person does it; never in an automatic chain."""
    strengths: Annotated[tuple[str, ...], BeforeValidator(_list_of)] = ()
    weaknesses: Annotated[tuple[str, ...], BeforeValidator(_list_of)] = ()
    best_for: Annotated[tuple[str, ...], BeforeValidator(_list_of)] = ()
    never_for: Annotated[tuple[str, ...], BeforeValidator(_list_of)] = ()
    """Tasks it is disqualified for."""
    rejects: Annotated[tuple[str, ...], BeforeValidator(_list_of)] = ()
    """Parameters it answers with an error, such as ``temperature``."""
    reads: Annotated[tuple[Medium, ...], BeforeValidator(_list_of)] = ("text",)
    """What it takes in, attachments included."""
    streaming: Streaming | None = None
    """How long its streams may be silent, whatever the task says."""
    supports: Annotated[tuple[str, ...], BeforeValidator(_list_of)] = ()
    """Features such as ``json_schema`` and ``tools``, for requests that require them."""


class Limits(_Strict):
    """What the provider allows."""

    rpm: Annotated[int, Field(ge=1)] | None = None
    tpm: Annotated[int, Field(ge=1)] | None = None
    concurrent: Annotated[int, Field(ge=1)] | None = None


class Deployment(_Strict):
    """A model at a provider: what is called, breaks and is billed."""

    provider: Literal[
        "openai", "anthropic", "gemini", "xai", "perplexity", "stability", "elevenlabs", "callable"
    ]
    model: Name
    """The model of this policy that answers."""
    served_as: str = ""
    """The provider's own name of the model; the model's name when empty."""
    base_url: str = ""
    key: Annotated[str, Field(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|none)$")]
    """``env:NAME`` names an environment variable; ``none`` needs no key."""
    region: str = ""
    account: str = ""
    allow_local: bool = False
    limits: Limits = Limits()
    weight: Annotated[float, BeforeValidator(_not_a_switch), Field(gt=0, le=1000)] = 1.0
    """Share of the traffic among deployments of the same model."""
    data: Names = ()
    """Classes of data that it may see, such as ``personal``; data of no class goes anywhere."""
    prompt_cache: Seconds | None = None
    """How long the provider keeps the beginning of a prompt; None where it keeps none."""
    parameters: dict[str, str | int | float | bool] = {}


class Rule(_Strict):
    """One line of the decision list; the first whose condition holds decides."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    when: Annotated[str, Field(min_length=1)]
    use: Names = ()
    """One deployment to try first, or several to be scored for the tier; a model stands for all of
    its deployments, which share the load."""
    review: bool = False
    """Hand the request to a person."""
    because: Annotated[str, Field(min_length=1, max_length=300)]


class Budget(_Strict):
    """A limit on spend and what happens on the way to it."""

    name: Name
    scope: Literal["global", "team", "feature", "user", "workflow", "task", "tier"] = "global"
    only: Names = ()
    """The teams, features, users and so on that it covers, each with the whole limit."""
    limit: Usd
    per: Literal["day", "week", "month"]
    """Calendar period of `time_zone`; weeks begin on Monday."""
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    """Name of the IANA data base, such as ``Europe/Berlin``."""
    note_at: Annotated[float, Field(gt=0, le=2)] = 0.5
    """Share of the limit at which operators are told for the first time."""
    downgrade_at: Annotated[float, Field(gt=0, le=2)] = 0.8
    """Share of the limit from which scoring weighs cost first."""
    throttle_at: Annotated[float, Field(gt=0, le=2)] = 1.0
    """Share from which the rest up to `block_at` is handed out evenly over what is left of the
    period; what does not fit waits for somebody's approval."""
    block_at: Annotated[float, Field(gt=0, le=2)] = 1.2
    """Share at which nothing more is sent."""


class Guardrail(_Strict):
    """What must not get worse while a change of routing is young: if it does, it is undone."""

    watch: Literal["failures", "low_quality", "slow", "cost"]
    """Share of requests that failed, scored below their floor, took longer than their task's p90
    criterion; or mean dollars a request."""
    task: Name | None = None
    over: float | Usd
    """The share, or the dollars, beyond which the change is undone."""


class Alert(_Strict):
    """A threshold on a measured figure."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    watch: Literal[
        "availability", "p50_latency", "p90_latency", "p95_latency", "cost_per_request",
        "quality", "fallback_share", "review_share", "spend",
    ]  # fmt: skip
    task: Name | None = None
    tier: Name | None = None
    over: float | Usd | Seconds | None = None
    under: float | None = None
    lasting: Annotated[Seconds, Field(alias="for")] = 300.0
    then: Annotated[tuple[str, ...], BeforeValidator(_list_of)] = ()


class PolicyFile(_Strict):
    """All of it."""

    policy: Name
    is_: Annotated[str, Field(alias="is")] = ""
    confidence_floor: Share
    """Below this confidence of the classifier a request goes to human review."""
    priorities: tuple[Literal["quality", "cost", "latency"], ...] = ("quality", "cost", "latency")
    """Which objective wins when the weighted scores are equal."""
    deadline: Seconds = 90.0
    """From arrival to reply, over all tiers."""
    prices: str = "prices.yaml"
    capabilities: str = "capabilities.yaml"
    classifier: str = "classifier.json"
    simulation: str = "simulation.yaml"
    tiers: Annotated[dict[Name, Tier], Field(min_length=1)]
    tasks: Annotated[dict[Name, Task], Field(min_length=1)]
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    deployments: Annotated[dict[Name, Deployment], Field(min_length=1)]
    rules: tuple[Rule, ...] = ()
    budgets: tuple[Budget, ...] = ()
    guardrails: tuple[Guardrail, ...] = ()
    alerts: tuple[Alert, ...] = ()
