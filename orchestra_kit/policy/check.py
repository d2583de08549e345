"""Static analysis of a policy: what would surprise its owner later, found before anything runs.

A policy that loads is well-formed; this asks whether it is wise. Nothing is called, and the same
policy on the same day gives the same findings.
"""

from __future__ import annotations

from datetime import date

from orchestra_kit.policy.check_chains import chain_findings
from orchestra_kit.policy.check_models import model_findings, price_findings
from orchestra_kit.policy.check_moves import move_findings
from orchestra_kit.policy.check_rules import rule_findings
from orchestra_kit.policy.check_tasks import budget_findings, taxonomy_findings
from orchestra_kit.policy.findings import Finding, Subject, findings_table
from orchestra_kit.policy.policy import Policy

__all__ = ["Finding", "check", "findings_table"]


def check(policy: Policy, *, today: date) -> tuple[Finding, ...]:
    """Every finding about a policy on a day: errors first, each in the order of the file.

    Raises PolicyError where the price book or the capability matrix cannot be read.
    """
    subject = Subject(policy)
    found = [
        *rule_findings(subject),
        *chain_findings(subject),
        *move_findings(subject),
        *taxonomy_findings(subject),
        *model_findings(subject, today),
        *price_findings(subject, today),
        *budget_findings(subject),
    ]
    order = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(dict.fromkeys(found), key=lambda f: (order[f.severity], f.line, f.where)))
