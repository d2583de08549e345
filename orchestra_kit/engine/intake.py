"""The door: what comes in is checked, stamped with a name and a time, and becomes a request."""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from random import Random
from typing import TypedDict, TypeVar, Unpack

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.display import plain
from orchestra_kit.core.errors import InvalidRequestError
from orchestra_kit.core.ids import new_id, stable_seed
from orchestra_kit.core.request import Request
from orchestra_kit.policy.policy import Policy

__all__ = ["LONGEST_TEXT", "Asked", "Intake", "asked_again", "spelled_out"]

Method = TypeVar("Method", bound=Callable[..., object])

LONGEST_TEXT = 10_000_000
"""Characters; a longer request is refused before anything is measured."""


_NOT_AGAIN = {"task", "tier", "within", "approved"}


class Asked(TypedDict, total=False):
    """What may be said of a request beside its text; `Request` says what each means."""

    tier: str
    """``standard`` unless it is given."""
    task: str | None
    user: str
    feature: str
    team: str
    workflow: str
    session: str
    session_turns: int
    attachments: Sequence[str]
    within: float | None
    parameters: Mapping[str, object]
    requires: Sequence[str]
    region: str
    data: str
    approved: bool


_DEFAULTS = {
    f.name: f.default if f.default_factory is MISSING else f.default_factory()
    for f in fields(Request)
} | {"tier": "standard"}


def spelled_out(method: Method) -> Method:
    """Shows the keywords of `Asked` in the signature of a method that takes them as they come, for
    whoever asks in a notebook what may be given."""
    known = inspect.signature(method)
    kept = [p for p in known.parameters.values() if p.kind is not p.VAR_KEYWORD]
    keywords = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS[name])
        for name in Asked.__annotations__
    ]
    method.__signature__ = known.replace(parameters=[*kept, *keywords])  # type: ignore[attr-defined]
    return method


class Intake:
    """Stamps requests; the names it gives depend on the seed and the clock alone."""

    def __init__(self, clock: Clock, *, seed: int) -> None:
        self._clock = clock
        self._random = Random(stable_seed(seed, "ids"))

    def request(
        self,
        policy: Policy,
        text: str,
        **asked: Unpack[Asked],
    ) -> Request:
        """A request to be answered by a policy.

        Raises InvalidRequestError for an empty or far too long text, for a tier or task that the
        policy does not have, and for what nothing is asked by.
        """
        _check_names(asked)
        tier, task = asked.get("tier", "standard"), asked.get("task")
        if not text.strip():
            raise InvalidRequestError("The request is empty.", hint="Write what you want made.")
        if len(text) > LONGEST_TEXT:
            raise InvalidRequestError(
                f"The request has {len(text):,} characters; at most {LONGEST_TEXT:,} are taken.",
                hint="Shorten it or attach it as a file.",
            )
        for what, name, known in (
            ("tier", tier, policy.tiers),
            ("task", task, policy.tasks),
        ):
            if name is not None and name not in known:
                raise InvalidRequestError(
                    f"There is no {what} “{name}” in policy {policy.name}.",
                    hint=f"Known are: {', '.join(known)}.",
                )
        now = self._clock.now()
        text, mended = _mended(text)
        return Request(
            id=new_id("req", now.timestamp(), self._random),
            text=text,
            tier=tier,
            arrived=now,
            task=task,
            user=asked.get("user", ""),
            feature=asked.get("feature", ""),
            team=asked.get("team", ""),
            workflow=asked.get("workflow", ""),
            session=asked.get("session", ""),
            session_turns=asked.get("session_turns", 0),
            attachments=tuple(asked.get("attachments", ())),
            within=asked.get("within"),
            parameters=dict(asked.get("parameters", {})),
            requires=tuple(asked.get("requires", ())),
            region=asked.get("region", ""),
            data=asked.get("data", ""),
            approved=asked.get("approved", False),
            mended=mended,
        )


def _mended(text: str) -> tuple[str, str]:
    """The text with whole characters only, and what was replaced.

    Half of a surrogate pair is no character: no protocol can carry it and no database keep it.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return whole, "halves of characters in the request were replaced"
    return text, ""


def asked_again(request: Request) -> dict[str, object]:
    """What was asked beside text, task and tier, for who asks it again later, as JSON knows it.

    Not how long its sender would wait, nor that somebody approved it: both are for then to say.
    Parameters that cannot be written down are left out.
    """
    asked: dict[str, object] = {}
    for name in sorted(Asked.__annotations__.keys() - _NOT_AGAIN):
        value = plain(getattr(request, name))
        try:
            json.dumps(value)
        except (TypeError, ValueError, RecursionError):
            continue
        if value:
            asked[name] = value
    return asked


def _check_names(asked: Asked) -> None:
    for name in asked:
        if name not in Asked.__annotations__:
            close = difflib.get_close_matches(name, Asked.__annotations__, n=1)
            known = ", ".join(Asked.__annotations__)
            hint = f"Did you mean “{close[0]}”?" if close else f"Known are: {known}."
            raise InvalidRequestError(f"A request has nothing called “{name}”.", hint=hint)
