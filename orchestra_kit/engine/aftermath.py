"""What a request leaves behind by which something failed: incidents counted, and lines in the log.

A failure from which the request went on is not told as if it had befallen its sender: it is logged
quietly, and counts only in the incidents of the deployment. A content refusal counts always, for
it must be found again whatever came after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import FailureClass, StoreError
from orchestra_kit.core.reply import Attempt, Reply
from orchestra_kit.core.request import Request
from orchestra_kit.engine.course import Course
from orchestra_kit.engine.ending import Ending
from orchestra_kit.engine.failure_log import Seen, write_log
from orchestra_kit.engine.incidents import Incidents
from orchestra_kit.engine.playbook import entry_for
from orchestra_kit.engine.playbook_entry import AT_ONCE, Entry, When

__all__ = ["Aftermath"]


class Aftermath:
    """Counts and logs what failed, for one `Orchestra`.

    `digest` gives the keyed hash of a prompt, by which refused requests are told apart without
    their words; empty where nothing is kept.
    """

    def __init__(
        self,
        *,
        source: Source,
        clock: Clock,
        incidents: Incidents,
        digest: Callable[[str], str],
    ) -> None:
        self._source = source
        self._clock = clock
        self._incidents = incidents
        self._digest = digest

    async def incident(self, course: Course, ending: Ending | None) -> str:
        """The incident that a request belongs to; empty where there is none.

        Of several it is the one by which the request ended.
        """
        found = ""
        counted = set()
        for entry, attempt in _failed(course):
            about = attempt.deployment if entry.ends is None else course.decision.task
            if (entry, about) in counted or _went_on(entry, ending):
                continue
            if attempt.failure is FailureClass.CANCELLED:
                continue  # another answered sooner
            counted.add((entry, about))
            message = f"{entry.name}: {attempt.deployment}"
            found = await self._incidents.happened(entry, about, message) or found
        if ending is not None and ending.entry is not None:
            task = course.decision.task
            if (ending.entry, task) not in counted:
                message = f"{ending.entry.name}: {task} ({ending.reason})"
                found = await self._incidents.happened(ending.entry, task, message) or found
        await self._incidents.look()
        return found

    def log(self, course: Course, ending: Ending | None, reply: Reply) -> None:
        """Write what failed on the way, and how the request ended if it was by a failure."""
        lines = [
            (entry, self._seen(entry, course, ending, reply, attempt))
            for entry, attempt in _failed(course)
        ]
        last = ending.entry if ending is not None else None
        if last is not None and all(entry is not last for entry, _ in lines):
            lines.append((last, self._seen(last, course, ending, reply, None)))
        if lines:
            write_log(lines)

    def audit(self, entry: Entry, request: Request) -> str:
        """Who sent a refused request and what its prompt's hash is; empty for other entries."""
        if "prompt_hash" not in entry.log_fields:
            return ""
        return f"user {request.user or 'unknown'}, prompt {self._digest(request.text) or 'unkept'}"

    async def store_failed(self, request: Request, error: StoreError) -> None:
        """Count and log that what happened to a request could not be written down."""
        entry, message = entry_for(when=When.STORE), type(error).__name__
        incident = await self._incidents.happened(entry, "store", f"{entry.name}: {message}")
        now = self._clock.now()
        seen = Seen(
            request=request, at=now, source=self._source, message=message, incident=incident
        )
        write_log([(entry, seen)])

    def _seen(
        self,
        entry: Entry,
        course: Course,
        ending: Ending | None,
        reply: Reply,
        attempt: Attempt | None,
    ) -> Seen:
        audited = "prompt_hash" in entry.log_fields
        return Seen(
            request=course.request,
            at=self._clock.now(),
            source=self._source,
            decision=course.decision,
            attempt=attempt,
            reply=reply,
            failure=course.failure,
            queue=(ending.queue or "") if ending is not None else "",
            incident=reply.incident,
            prompt_hash=self._digest(course.request.text) if audited else "",
            quiet=entry.told_when != AT_ONCE and (ending is None or ending.entry is not entry),
        )


def _failed(course: Course) -> Iterator[tuple[Entry, Attempt]]:
    """The sends that failed, each with its scenario.

    Not those that a spend budget held back: that is told once, at the end, if the request ended
    by it.
    """
    for attempt in course.attempts:
        if attempt.failure is not None and attempt.failure is not FailureClass.BUDGET:
            yield entry_for(attempt.failure), attempt


def _went_on(entry: Entry, ending: Ending | None) -> bool:
    """Whether what would end a request did not end this one."""
    if entry.ends is None or entry.detects.failures == (FailureClass.CONTENT,):
        return False
    return ending is None or ending.entry is not entry
