"""The log of what failed: one line of JSON for each, of the fields that the playbook names.

The lines go to the logger ``orchestra_kit``, which writes nowhere until somebody gives it a
handler. They never hold a word of a prompt: what a provider says may repeat it, so that only our
own part of a message is kept. One request writes at most 15 lines of 2 kB, whatever befalls it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from orchestra_kit.core.answer import Source
from orchestra_kit.core.decision import Decision
from orchestra_kit.core.display import clean_text, plain
from orchestra_kit.core.errors import FailureClass
from orchestra_kit.core.reply import Attempt, Reply, Severity
from orchestra_kit.core.request import Request
from orchestra_kit.core.secrets import scrub
from orchestra_kit.engine.playbook_entry import Entry

__all__ = [
    "LOG_FIELDS",
    "LONGEST_LINE",
    "MOST_LINES",
    "Seen",
    "log_record",
    "write_log",
]

LONGEST_LINE = 2_048
"""Bytes of one record as JSON."""
MOST_LINES = 15
"""Of one request; 15 times 2 kB stay below 32 kB."""
_LONGEST_VALUE = 160
_ECHO = 16
"""Characters in a row that a message and a prompt share before the message counts as a copy."""
_LONGEST_SEARCHED = 100_000
"""Characters; beside a longer prompt no message is kept, for it is not searched for copies."""

_log = logging.getLogger("orchestra_kit")
_log.addHandler(logging.NullHandler())  # a library's silence is its user's to break

_LEVELS = {
    None: logging.INFO,
    Severity.INFO: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.CRITICAL: logging.ERROR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known when a record is made; everything but the request and the moment may miss."""

    request: Request
    at: datetime
    """UTC."""
    source: Source
    decision: Decision | None = None
    attempt: Attempt | None = None
    reply: Reply | None = None
    """How the request ended."""
    failure: FailureClass | None = None
    """What the request ended by, where there is no attempt that says it."""
    queue: str = ""
    incident: str = ""
    prompt_hash: str = ""
    message: str = ""
    """What happened, in our own words, where there is no attempt that says it."""
    quiet: bool = False
    """Whether the request went on all the same, so that nobody need be woken."""


def log_record(entry: Entry, seen: Seen) -> dict[str, object]:
    """The entry's log fields and its kind as ``event``; what is not known is left out.

    Values are scrubbed and cut so that the record takes at most `LONGEST_LINE` bytes as JSON.
    """
    record: dict[str, object] = {"event": entry.kind}
    for name in entry.log_fields:
        value = plain(LOG_FIELDS[name](seen))
        if value is None or value == "":
            continue
        text = isinstance(value, str)
        record[name] = clean_text(scrub(value), longest=_LONGEST_VALUE) if text else value
    while len(_line(record).encode()) > LONGEST_LINE:
        longest = max(
            (n for n in record if isinstance(record[n], str)), key=lambda n: len(str(record[n]))
        )
        record[longest] = str(record[longest])[: len(str(record[longest])) // 2]
    return record


def write_log(failures: Sequence[tuple[Entry, Seen]]) -> None:
    """Write what failed in one request, the way of its end last."""
    for entry, seen in _most_telling(failures):
        level = logging.INFO if seen.quiet else _LEVELS[entry.alert]
        if _log.isEnabledFor(level):
            _log.log(level, "%s", _line(log_record(entry, seen)))


def _most_telling(failures: Sequence[tuple[Entry, Seen]]) -> Iterator[tuple[Entry, Seen]]:
    """All of them, or of too many the first and the end."""
    if len(failures) > MOST_LINES:
        failures = [*failures[: MOST_LINES - 1], failures[-1]]
    return iter(failures)


def _line(record: Mapping[str, object]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str)


def _message(seen: Seen) -> str:
    """Our own part of what an attempt says, unless it repeats the prompt all the same."""
    said = seen.message or (seen.attempt.message.partition(": ")[0] if seen.attempt else "")
    return "" if _repeats(said, seen.request.text) else said


def _repeats(said: str, prompt: str) -> bool:
    if len(prompt) > _LONGEST_SEARCHED:
        return True
    said, prompt = " ".join(said.casefold().split()), " ".join(prompt.casefold().split())
    length = min(_ECHO, len(prompt))
    return any(said[i : i + length] in prompt for i in range(len(said) - length + 1))


def _of_attempt(field: str) -> Callable[[Seen], object]:
    return lambda seen: getattr(seen.attempt, field, None)


def _of_request(field: str) -> Callable[[Seen], object]:
    return lambda seen: getattr(seen.request, field)


LOG_FIELDS: Mapping[str, Callable[[Seen], object]] = MappingProxyType(
    {
        "at": lambda seen: seen.at,
        "source": lambda seen: seen.source,
        "request_id": _of_request("id"),
        **{name: _of_request(name) for name in ("user", "team", "feature", "workflow", "tier")},
        "task": lambda seen: seen.decision.task if seen.decision else seen.request.task,
        "policy_hash": lambda seen: seen.decision.policy_hash if seen.decision else None,
        "tokens": lambda seen: seen.decision.context.tokens if seen.decision else None,
        **{
            name: _of_attempt(name)
            for name in (
                *("number", "deployment", "model", "outcome", "seconds"),
                *("cost", "cost_upper"),
            )
        },
        "failure": lambda seen: seen.attempt.failure if seen.attempt else seen.failure,
        "score": lambda seen: getattr(getattr(seen.attempt, "score", None), "value", None),
        "message": _message,
        "status": lambda seen: seen.reply.status if seen.reply else None,
        "sends": lambda seen: len(seen.reply.attempts) if seen.reply else None,
        "total_seconds": lambda seen: seen.reply.seconds if seen.reply else None,
        "queue": lambda seen: seen.queue,
        "incident": lambda seen: seen.incident,
        "prompt_hash": lambda seen: seen.prompt_hash,
    }
)
"""What a record may hold, and where it is read. The text of a request is not among it."""
