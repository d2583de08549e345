"""What arrives, and what is measured of it before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from orchestra_kit.core.display import Shown

__all__ = ["Context", "Request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Shown):
    """One request, as its sender made it."""

    id: str
    text: str
    tier: str
    arrived: datetime
    """UTC."""
    task: str | None = None
    """Declared by the sender; None lets the classifier decide."""
    user: str = ""
    feature: str = ""
    """The product feature that sent it, for cost attribution."""
    team: str = ""
    workflow: str = ""
    """The workflow that it is a step of."""
    session: str = ""
    session_turns: int = 0
    """Turns of the session before this one."""
    attachments: tuple[str, ...] = ()
    """Media types, such as ``image/png``."""
    within: float | None = None
    """Seconds the sender will wait; None leaves it to the policy."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    """Generation parameters such as ``temperature``; those a model does not take are left out and
    named in the answer, unless `requires` names them."""
    requires: tuple[str, ...] = ()
    """Parameters and features, such as ``json_schema`` or ``tools``, that whoever answers must
    honour."""
    region: str = ""
    """Where the request may be processed, such as ``eu``; anywhere when empty."""
    approved: bool = False
    """Whether somebody approved that it is paid for beyond what a spend budget hands out."""
    data: str = ""
    """Class of data in it, such as ``personal``: only deployments that may see it are asked."""
    mended: str = ""
    """In words, what was replaced in the text on its way in; empty where nothing was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Shown):
    """What was measured of a request: the fields that a rule's condition may name.

    Taken from declared inputs and counts, never from instructions in the text.
    """

    task: str
    tier: str
    confidence: float
    """Calibrated probability that `task` is right, 0-1; 1.0 when the sender declared it."""
    words: int
    """Length asked for, in words; 0 where the request names none."""
    tokens: int
    """Estimated tokens of the request itself."""
    complexity: float
    """0-100."""
    ambiguity: float
    """0-100."""
    code: bool
    maths: bool
    language: str
    """ISO 639-1, ``und`` where it cannot be told."""
    format: str
    """``json``, ``table``, ``list``, ``markdown`` or ``text``."""
    attachments: int
    urgent: bool
    session_turns: int
    budget_left: float
    """Share of the tightest spend budget that is left, 0-1; 1.0 without one."""
    hour: int
    """Hour of arrival, 0-23, UTC."""
    difficulty: float | None = None
    """0-100: 100 where no model is expected to succeed; None where the policy has no model of
    success."""
