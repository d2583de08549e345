"""What is usually claimed of systems that route among models, measured claim by claim.

The claims have no source: they are hypotheses. A ledger sets each beside what was measured, with
interval, n, data and a verdict, and says so where one does not hold.
"""

from __future__ import annotations

from orchestra_kit.outcomes.claims.claim import CLAIMS, Claim
from orchestra_kit.outcomes.claims.entry import Entry
from orchestra_kit.outcomes.claims.ledger import Ledger
from orchestra_kit.outcomes.claims.verdict import Verdict

__all__ = ["CLAIMS", "Claim", "Entry", "Ledger", "Verdict"]
