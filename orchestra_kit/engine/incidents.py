"""Incidents: what goes wrong for a while, told as one thing from its beginning to its end.

The playbook says what opens one and what ends it; there is one at a time for each scenario and
each deployment or task that it happens to. One that does not end grows louder: after ten minutes
a note becomes a warning, after thirty somebody is paged.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random

from orchestra_kit.core.clock import Clock
from orchestra_kit.core.display import clean_text
from orchestra_kit.core.errors import FailureClass, StoreError
from orchestra_kit.core.ids import new_id, stable_seed
from orchestra_kit.core.reply import Incident, Severity
from orchestra_kit.core.secrets import scrub
from orchestra_kit.engine.notices import Notices
from orchestra_kit.engine.playbook import PLAYBOOK, entry_for
from orchestra_kit.engine.playbook_entry import Closes, Entry

__all__ = ["PAGE_AFTER", "QUIET_AFTER", "WARN_AFTER", "Incidents"]

QUIET_AFTER = 600.0
"""Seconds without another occurrence after which an incident is over that nothing else ends."""
WARN_AFTER = 600.0
"""Seconds after which an open incident is a warning at least."""
PAGE_AFTER = 1800.0
"""Seconds after which an open incident is critical, and somebody is called."""
_WRITE_EVERY = 5.0
"""Seconds between two updates of one incident; its beginning, its end and each step to a higher
severity are written at once."""
_LEAD = 30.0
"""Seconds before a breaker's opening from which its failures belong to the incident: the window of
the breaker."""
_MOST_REMEMBERED = 100
"""Occurrences of one thing that are remembered before there is an incident."""

_ENTRIES = {entry.kind: entry for entry in PLAYBOOK}
_BACKED_BY = "ops"
"""Who is paged where the playbook names nobody."""

_Thing = tuple[str, str]
"""Kind, and what it happens to."""


@dataclass(slots=True)
class _Open:
    """An incident that is open, and when what was done about it."""

    incident: Incident
    opened: float
    last: float
    written: float = -math.inf
    """When it was last handed to the ledger, on the monotonic scale."""
    unwritten: bool = True
    paged: bool = False


@dataclass(slots=True)
class _Before:
    """Occurrences that have opened no incident yet."""

    moments: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_REMEMBERED))

    def within(self, now: float, seconds: float) -> int:
        """How many there were in the last seconds; older ones are forgotten."""
        while self.moments and now - self.moments[0] >= seconds:
            self.moments.popleft()
        return len(self.moments)


class Incidents:
    """All incidents of one `Orchestra`.

    `write` keeps how one stands, in the place of how it stood; where that fails it is tried again
    with the next update, for an incident must not cost a request. `notices`, where given, tell
    operators of what nobody else tells them of.
    """

    def __init__(
        self,
        clock: Clock,
        write: Callable[[Incident], Awaitable[None]],
        *,
        notices: Notices | None = None,
        seed: int = 0,
    ) -> None:
        self._clock = clock
        self._write = write
        self._notices = notices
        self._random = Random(stable_seed(seed, "incidents"))
        self._open: dict[_Thing, _Open] = {}
        self._before: dict[_Thing, _Before] = {}
        self._ended: list[_Open] = []
        """Those that are over, whose end is not written yet."""
        self._due = math.inf
        """The moment from which an open incident may have to be closed, raised or written."""

    @property
    def open(self) -> tuple[Incident, ...]:
        """Those that are open, the earliest first."""
        return tuple(sorted((o.incident for o in self._open.values()), key=lambda i: i.opened))

    def resume(self, incidents: Iterable[Incident]) -> None:
        """Take over what another process left open; of what is unknown here nothing is taken."""
        now, moment = self._clock.now(), self._clock.monotonic()
        for incident in incidents:
            if incident.closed is None and incident.kind in _ENTRIES:
                lasted = max(0.0, (now - incident.opened).total_seconds())
                self._open[incident.kind, incident.about] = _Open(
                    incident,
                    opened=moment - lasted,
                    last=moment - max(0.0, (now - incident.last).total_seconds()),
                    paged=lasted >= PAGE_AFTER,
                )
                self._due = moment

    async def happened(self, entry: Entry, about: str, message: str = "") -> str:
        """Count a request that a scenario befell; gives the identifier of its incident.

        Empty where there is none: the scenario opens none, or not yet, or its breaker does.
        """
        if not entry.incident:
            return ""
        moment = self._clock.monotonic()
        thing = entry.kind, about
        found = self._open.get(thing)
        if found is not None:
            self._count(found, moment)
            await self._keep(found, moment)
            return found.incident.id
        before = self._before.setdefault(thing, _Before())
        before.moments.append(moment)
        follows = entry.closes_when is Closes.BREAKER
        detects = entry.detects
        window = _LEAD if follows else (detects.within or QUIET_AFTER)
        if before.within(moment, window) < detects.times or follows:
            return ""
        return await self._begin(entry, about, message)

    async def out(self, deployment: str, failure: FailureClass | None, message: str = "") -> str:
        """Open the incident of a breaker that opened; None for calls that took too long.

        Gives its identifier; empty where such a failure's incidents do not follow a breaker.
        """
        entry = entry_for(failure or FailureClass.TIMEOUT)
        if entry.closes_when is not Closes.BREAKER:
            return ""
        found = self._open.get((entry.kind, deployment))
        return found.incident.id if found else await self._begin(entry, deployment, message)

    async def back(self, deployment: str) -> None:
        """Close what was open about a deployment whose breaker closed."""
        for (kind, about), found in list(self._open.items()):
            if about == deployment and _ENTRIES[kind].closes_when is Closes.BREAKER:
                await self._end(found)

    async def look(self) -> None:
        """Close what is over, raise what lasts, write what changed; to be called now and then."""
        moment = self._clock.monotonic()
        if moment < self._due:
            return
        self._due = math.inf  # one looks at a time
        try:
            for found in list(self._open.values()):
                entry = _ENTRIES[found.incident.kind]
                if entry.closes_when is Closes.QUIET and moment - found.last >= QUIET_AFTER:
                    await self._end(found)
                elif not await self._raise(found, entry, moment):
                    await self._keep(found, moment)
            await self._write_ends()
        finally:
            self._due = min(map(_due, (*self._open.values(), *self._ended)), default=math.inf)

    async def flush(self) -> None:
        """Write what was not written yet; what is open stays open for the next process."""
        for found in list(self._open.values()):
            if found.unwritten:
                await self._put(found)
        await self._write_ends()

    def _count(self, found: _Open, moment: float) -> None:
        found.incident = replace(
            found.incident, last=self._clock.now(), requests=found.incident.requests + 1
        )
        found.last, found.unwritten = moment, True
        self._due = min(self._due, _due(found))

    async def _begin(self, entry: Entry, about: str, message: str) -> str:
        assert entry.alert is not None
        now, moment = self._clock.now(), self._clock.monotonic()
        before = self._before.pop((entry.kind, about), None)
        loud = entry.alert is not Severity.INFO
        incident = Incident(
            id=new_id("inc", now.timestamp(), self._random),
            kind=entry.kind,
            about=about,
            severity=entry.alert,
            opened=now,
            last=now,
            closed=None,
            requests=before.within(moment, entry.detects.within or _LEAD) if before else 0,
            message=clean_text(scrub(message or f"{entry.name}: {about}")),
            escalated=entry.escalation if loud else "",
        )
        found = _Open(incident, opened=moment, last=moment)
        self._open[entry.kind, about] = found  # before anything is awaited, so that it is one
        self._due = min(self._due, _due(found))
        await self._put(found)
        if entry.detects.times > 1:  # what happens at once is told by whom it happens to
            await self._tell(entry.kind, incident, f"{incident.message} ({entry.told_when})")
        return incident.id

    async def _end(self, found: _Open) -> None:
        thing = found.incident.kind, found.incident.about
        if self._open.get(thing) is not found:
            return  # it was ended while this one waited
        del self._open[thing]
        found.incident = replace(found.incident, closed=self._clock.now())
        self._ended.append(found)
        await self._write_ends()

    async def _write_ends(self) -> None:
        """Write how incidents ended; those that cannot be written now stay to be."""
        ended, self._ended = self._ended, []
        for found in ended:
            await self._put(found)
            if found.unwritten:
                self._ended.append(found)
                self._due = min(self._due, _due(found))

    async def _raise(self, found: _Open, entry: Entry, moment: float) -> bool:
        """Make an incident louder that has lasted; whether it was."""
        lasted, severity = moment - found.opened, found.incident.severity
        if lasted >= PAGE_AFTER and not found.paged:
            severity, found.paged = Severity.CRITICAL, True
        elif lasted >= WARN_AFTER and severity is Severity.INFO:
            severity = Severity.WARNING
        else:
            return False
        found.incident = replace(
            found.incident, severity=severity, escalated=entry.escalation or _BACKED_BY
        )
        await self._put(found)
        what = f"{found.incident.message}; it goes on for {lasted / 60:.0f} minutes"
        await self._tell("incident_lasts", found.incident, what)
        return True

    async def _keep(self, found: _Open, moment: float) -> None:
        if found.unwritten and moment - found.written >= _WRITE_EVERY:
            await self._put(found)

    async def _put(self, found: _Open) -> None:
        found.written, found.unwritten = self._clock.monotonic(), False
        try:
            await self._write(found.incident)
        except StoreError:
            found.unwritten = True  # kept here, and written with the next update that succeeds

    async def _tell(self, kind: str, incident: Incident, message: str) -> None:
        if self._notices is None:
            return
        entry = _ENTRIES[incident.kind]
        await self._notices.tell(
            kind,
            f"{incident.kind} {incident.about} {incident.severity.value}",
            incident.severity,
            f"{message}; {incident.requests} requests, handed to {incident.escalated or 'nobody'}",
            deployment=incident.about if entry.ends is None else "",
        )


def _due(found: _Open) -> float:
    """The next moment at which something may have to be done about an incident."""
    moments = [found.written + _WRITE_EVERY if found.unwritten else math.inf]
    if found.incident.closed is not None:
        return moments[0]
    if _ENTRIES[found.incident.kind].closes_when is Closes.QUIET:
        moments.append(found.last + QUIET_AFTER)
    if found.incident.severity is Severity.INFO:
        moments.append(found.opened + WARN_AFTER)
    if not found.paged:
        moments.append(found.opened + PAGE_AFTER)
    return min(moments)
