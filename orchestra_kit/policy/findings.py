"""What the static analysis of a policy found, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.errors import ConfigError
from orchestra_kit.policy.document import Document, KeyPath, dotted, read_document
from orchestra_kit.policy.policy import Policy

__all__ = ["Finding", "Severity", "Subject", "findings_table"]

Severity = Literal["error", "warning", "note"]
_ORDER: dict[str, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Finding(Shown):
    """One thing that would surprise the policy's owner later.

    ``error``: it cannot work as it is written. ``warning``: it works today and will hurt.
    ``note``: worth knowing.
    """

    severity: Severity
    kind: str
    """What sort of finding, such as ``shadowed rule``: the same words for the same sort."""
    where: str
    """File, line and key, such as ``orchestra.yaml:120 rules.3.when``."""
    message: str
    hint: str = ""
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.message} {self.hint}".rstrip()


def findings_table(findings: Iterable[Finding]) -> Table:
    """The findings, the gravest first, then in the order of the file."""
    ordered = sorted(findings, key=lambda f: (_ORDER[f.severity], f.line, f.where))
    counts = {s: sum(f.severity == s for f in ordered) for s in _ORDER}
    title = ", ".join(f"{n} {s}{'' if n == 1 else 's'}" for s, n in counts.items() if n)
    return Table(
        ("severity", "kind", "where", "finding", "what to do"),
        [(f.severity, f.kind, f.where, f.message, f.hint) for f in ordered],
        title=title or "no findings",
    )


class Subject:
    """A policy under analysis: knows the line on which each of its keys stands."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._document: Document | None
        try:
            self._document = read_document(policy.path)
        except ConfigError:  # a policy that was not loaded from a file has no lines
            self._document = None

    def finding(
        self, severity: Severity, kind: str, path: KeyPath, message: str, hint: str = ""
    ) -> Finding:
        """A finding at a key of the policy file."""
        line = self._document.line(path) if self._document else 0
        place = f"{self.policy.path.name}:{line}" if line else self.policy.path.name
        return Finding(severity, kind, f"{place} {dotted(path)}".strip(), message, hint, line)

    def beside(
        self, severity: Severity, kind: str, file: str, key: str, message: str, hint: str = ""
    ) -> Finding:
        """A finding in a file beside the policy."""
        return Finding(severity, kind, f"{Path(file).name} {key}".strip(), message, hint)

    def named(self) -> Iterator[tuple[KeyPath, str]]:
        """Every place where a chain or a rule names what to call, with the name as written."""
        for task, definition in self.policy.tasks.items():
            for index, link in enumerate(definition.chain):
                yield ("tasks", task, "chain", index, "use"), link.use
        for index, rule in enumerate(self.policy.rules):
            for name in rule.use:
                yield ("rules", index, "use"), name
