"""Findings about fallback chains: fallback that does not fall back."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from orchestra_kit.policy.findings import Finding, Subject
from orchestra_kit.policy.schema import Deployment, Link, Task

__all__ = ["chain_findings"]


def chain_findings(subject: Subject) -> Iterator[Finding]:
    """One failure domain, too little time, too small a window."""
    for name, task in subject.policy.tasks.items():
        yield from _fallback(subject, name, task)
        yield from _time(subject, name, task)
        for index, link in enumerate(task.chain):
            yield from _window(subject, name, task, index, link)


def _fallback(subject: Subject, name: str, task: Task) -> Iterator[Finding]:
    policy, path = subject.policy, ("tasks", name, "chain")
    targets = [target for link in task.chain for target in policy.targets(link.use)]
    if len(targets) == 1:
        queued = "and its requests are queued" if task.then.queue else "and nothing is queued"
        yield subject.finding(
            "note",
            "no fallback",
            path,
            f"“{task.chain[0].use}” has nothing behind it, {queued}.",
            "Nothing, if that is meant.",
        )
        return
    domains = {_domain(policy.deployments[target]) for target in targets}
    if len(domains) == 1:
        provider, host, *place = domains.pop()
        where = " of ".join(part for part in (host, provider) if part)
        within = ", ".join(part for part in place if part)
        yield subject.finding(
            "warning",
            "one failure domain",
            path,
            f"all {len(targets)} deployments are at {where}{f' ({within})' if within else ''}: one "
            "outage takes them all.",
            "Put another provider, or another region, into the chain.",
        )


def _domain(deployment: Deployment) -> tuple[str, str, str, str]:
    """What fails together: the same account of a provider in the same region, at the same host.

    Servers on different ports of one machine are told apart, for each is a program of its own.
    """
    host = urlsplit(deployment.base_url).netloc.rpartition("@")[2].lower()
    return deployment.provider, host, deployment.region, deployment.account


def _time(subject: Subject, name: str, task: Task) -> Iterator[Finding]:
    policy = subject.policy
    total, deadline = sum(link.timeout for link in task.chain), policy.file.deadline
    if total > deadline:
        yield subject.finding(
            "warning",
            "too little time",
            ("tasks", name, "chain"),
            f"the timeouts add up to {total:g} s, the deadline is {deadline:g} s: the last link "
            "may never get its turn.",
            "Shorten the timeouts or lengthen the deadline.",
        )
    for index, link in enumerate(task.chain):
        for target in policy.targets(link.use):
            cell = policy.capabilities.cell(target, name)
            if cell is None or link.timeout >= cell.p95:
                continue
            half = link.timeout < cell.p50
            yield subject.finding(
                "error" if half else "warning",
                "timeout too short",
                ("tasks", name, "chain", index, "timeout"),
                f"{link.timeout:g} s is below the {'median' if half else '95th percentile'} of "
                f"“{target}” at {name}, {cell.p50 if half else cell.p95:.3g} s: more than one "
                f"answer in {'two' if half else 'twenty'} would be thrown away.",
                "Lengthen the timeout, or put a faster deployment here.",
            )


def _window(subject: Subject, name: str, task: Task, index: int, link: Link) -> Iterator[Finding]:
    if task.makes != "text":
        return
    policy = subject.policy
    for window in {policy.model_of(target).context_window for target in policy.targets(link.use)}:
        if window and window <= task.max_output_tokens:
            yield subject.finding(
                "error",
                "window too small",
                ("tasks", name, "chain", index, "use"),
                f"“{link.use}” holds {window:,} tokens, the answer alone may take "
                f"{task.max_output_tokens:,}.",
                "Use a model with a larger window, or lower max_output_tokens.",
            )
