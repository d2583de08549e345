"""Findings about fallback chains: fallback that does not fall back."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from orchestra_kit.policy.findings import Finding, Subject
from orchestra_kit.policy.schema import Deployment, Link, Task

__all__ = ["HOMES", "chain_findings"]

HOMES = {
    "openai": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "gemini": "generativelanguage.googleapis.com",
    "xai": "api.x.ai",
}
"""Where providers are called when a deployment names no `base_url`; others are told by name."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})


def chain_findings(subject: Subject) -> Iterator[Finding]:
    """One failure domain, too little time, a model that is disqualified, too small a window."""
    for name, task in subject.policy.tasks.items():
        yield from _fallback(subject, name, task)
        yield from _time(subject, name, task)
        for index, link in enumerate(task.chain):
            yield from _disqualified(subject, name, index, link)
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
    found = [policy.deployments[target] for target in targets]
    places = {_place(deployment) for deployment in found}
    if len(places) > 1:
        return
    place, regions = places.pop(), sorted({deployment.region for deployment in found})
    if len(regions) == 1:
        where = f"{place} ({regions[0]})" if regions[0] else place
        yield subject.finding(
            "warning",
            "one failure domain",
            path,
            f"all {len(targets)} deployments are at {where}: one outage takes them all.",
            "Put another provider, another machine, or another region into the chain.",
        )
    else:
        spread = " and ".join(region or "one that is not named" for region in regions)
        yield subject.finding(
            "note",
            "one provider",
            path,
            f"all {len(targets)} deployments are at {place}, in the regions {spread}: what befalls "
            "all of its regions takes them all.",
            "Nothing, if that is enough; or put another provider into the chain.",
        )


def _place(deployment: Deployment) -> str:
    """What fails together: a machine with all of its servers, a provider with all of its accounts.

    Servers on different ports of one machine share its memory, its power and its network.
    """
    host = (urlsplit(deployment.base_url).hostname or "").lower()
    if host in _LOOPBACK:
        return "this machine"
    return host or HOMES.get(deployment.provider, deployment.provider)


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


def _disqualified(subject: Subject, name: str, index: int, link: Link) -> Iterator[Finding]:
    policy = subject.policy
    for target in policy.targets(link.use):
        if name in policy.model_of(target).never_for:
            yield subject.finding(
                "error",
                "disqualified model",
                ("tasks", name, "chain", index, "use"),
                f"“{target}” stands in the chain of {name}, and its model is disqualified for it: "
                "it would be passed over.",
                "Use another deployment, or take the task out of `never_for`.",
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
