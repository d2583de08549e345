"""Claims drawn beside measurements."""

from __future__ import annotations

import pytest

from orchestra_kit.figures.claims import claims_chart
from orchestra_kit.outcomes.claims import CLAIMS, Entry, Ledger
from orchestra_kit.outcomes.claims.entry import Data
from orchestra_kit.outcomes.measurement import Measured

KNOWN = {claim.name: claim for claim in CLAIMS}
DATA = Data(name="made up", source="recorded", split="by hand")


def _entry(name: str, value: float, low: float | None, high: float | None) -> Entry:
    return Entry.of(KNOWN[name], DATA, Measured(value, low, high), 100)


def test_the_title_is_the_finding_and_the_description_tells_every_row() -> None:
    ledger = Ledger(
        (
            _entry("routing_quality", 0.01, -0.02, 0.04),
            _entry("framework_cost", -0.8, -0.9, -0.7),
            _entry("fallback_errors", -0.9, None, None),
            _entry("ensemble_cost", 3.0, 2.9, 3.1),  # a factor: in the table alone
        )
    )
    found = claims_chart(ledger)
    assert found.alt.startswith("Of 3 measured changes 1 show what is claimed, 1 do not hold.")
    assert "quality +31 to +47 %: +1.0 % (−2.0 % to +4.0 %) on made up (recorded)" in found.alt
    assert "Ensembles" not in found.alt
    assert "Source: recorded" in found.caption
    assert claims_chart(ledger) == found


def test_nothing_that_was_measured_is_nothing_to_draw() -> None:
    ledger = Ledger((Entry.unmeasurable(KNOWN["routing_quality"], DATA, "No."),))
    with pytest.raises(ValueError, match="no relative change"):
        claims_chart(ledger)
