"""A decision as a tree of text: what was measured, which rule held, who was tried, who was not."""

from __future__ import annotations

from collections.abc import Sequence

from orchestra_kit.core.decision import Candidate, Decision
from orchestra_kit.core.display import clean_text
from orchestra_kit.core.money import format_usd
from orchestra_kit.policy.conditions import Fields
from orchestra_kit.policy.policy import Policy

__all__ = ["tree"]

_Branch = tuple[str, Sequence[str]]


def tree(decision: Decision, policy: Policy | None = None) -> str:
    """The whole decision, one fact a line, for a terminal or a log.

    Probabilities are those of the classifier, scores those of `routing.scoring`; the reason for
    every deployment that is out stands beside it, and what else than the rules chose the first
    (load, a warm cache, an adaptation, an override) stands with the rule's reason. With the
    `policy` that decided, the rules that were tried before are named as well, and those after it
    that held too; nothing is said of them where it is another version.
    """
    branches: list[_Branch] = [
        (_task(decision), ()),
        ("measured", _measured(decision)),
        (f"rule “{decision.rule}”: {decision.because}", _other_rules(decision, policy)),
        _tried(decision),
    ]
    tried = set(decision.chain)
    rest = [c for c in decision.candidates if c.deployment not in tried]
    if rest:
        branches.append(("not tried", [_loser(decision, c) for c in rest]))
    head = (
        f"decision on {decision.request_id} by policy {decision.policy} "
        f"({decision.policy_hash}, seed {decision.seed})"
    )
    return "\n".join([_line(head), *_drawn(branches)])


def _task(decision: Decision) -> str:
    found = decision.classification
    if found.by == "sender":
        return f"task {found.task}, declared by the sender"
    others = sorted(
        ((share, task) for task, share in found.probabilities.items() if task != found.task),
        reverse=True,
    )
    after = f"; next {others[0][1]} at {others[0][0]:.0%}" if others else ""
    return f"task {found.task}, {found.confidence:.0%} sure{after}"


def _other_rules(decision: Decision, policy: Policy | None) -> list[str]:
    """The rules that were tried before the one that decided, and what became of them; those that
    would have decided had it not stood before them."""
    if policy is None or policy.hash != decision.policy_hash:
        return []
    fields, found, decided = Fields.of(decision.context), [], False
    for rule, condition in zip(policy.rules, policy.conditions, strict=True):
        if rule.name == decision.rule:
            decided = True
        elif not condition.holds(fields):
            if not decided:
                found.append(f"rule “{rule.name}” did not hold")
        elif decided:
            found.append(f"rule “{rule.name}” held as well, and came later")
        else:
            found.append(f"rule “{rule.name}” held, and gave way")
            decided = True
    return found


def _measured(decision: Decision) -> list[str]:
    context = decision.context
    marks = [
        name
        for name, found in (
            ("code", context.code),
            ("mathematics", context.maths),
            ("urgent", context.urgent),
        )
        if found
    ]
    known = context.difficulty is not None
    hard = f", difficulty {context.difficulty:g}" if known else ""
    asked = f"{context.words:,} words asked for" if context.words else "no length asked for"
    return [
        f"{context.tier} tier, {context.tokens:,} tokens, {asked}",
        f"complexity {context.complexity:g}, ambiguity {context.ambiguity:g}{hard} of 100",
        f"language {context.language}, answer as {context.format}, "
        f"{context.attachments} attachments, turn {context.session_turns + 1}",
        f"marks: {', '.join(marks) or 'none'}; {context.budget_left:.0%} of the budget left; "
        f"{context.hour} o'clock UTC",
    ]


def _tried(decision: Decision) -> _Branch:
    if decision.review:
        return "a person decides; nothing is called", ()
    if not decision.chain:
        return "nothing can be called", ()
    by_name = {c.deployment: c for c in decision.candidates}
    title = f"tried in this order (probability of this choice {decision.propensity:.3g})"
    return title, [_candidate(by_name[name]) for name in decision.chain]


def _candidate(candidate: Candidate) -> str:
    if candidate.dropped_because:
        return f"{candidate.deployment}: {candidate.dropped_because}"
    if candidate.score is None:
        return candidate.deployment
    return (
        f"{candidate.deployment}: score {candidate.score:.3f} "
        f"(quality {candidate.quality or 0:.2f}, {format_usd(candidate.cost)}, "
        f"{candidate.latency or 0:.1f} s)"
    )


def _loser(decision: Decision, candidate: Candidate) -> str:
    why = decision.why_not(candidate)
    return _candidate(candidate) + (f"; {why}" if why and not candidate.dropped_because else "")


def _drawn(branches: Sequence[_Branch]) -> list[str]:
    lines = []
    for index, (title, leaves) in enumerate(branches):
        last = index == len(branches) - 1
        lines.append(f"{'└' if last else '├'}─ {_line(title)}")
        stem = "   " if last else "│  "
        for number, leaf in enumerate(leaves):
            lines.append(f"{stem}{'└' if number == len(leaves) - 1 else '├'}─ {_line(leaf)}")
    return lines


def _line(text: str) -> str:
    return clean_text(text).replace("\n", " ").replace("\t", " ")
