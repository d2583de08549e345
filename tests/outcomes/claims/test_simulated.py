"""Claims about outages, on simulated traffic of the shipped policy."""

from __future__ import annotations

import pytest

from orchestra_kit.outcomes.claims import Entry, Ledger
from orchestra_kit.policy.policy import Policy
from orchestra_kit.shipped import path

REQUESTS = 200


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    policy = Policy.load(path("examples/contentforge/orchestra.yaml"))
    return Ledger.measure({}, policy=policy, requests=REQUESTS, seed=1, progress=False)


def _strained(ledger: Ledger, claim: str) -> Entry:
    (found,) = (e for e in ledger.of(claim) if "outages of 4%" in e.data.name)
    return found


def test_both_kinds_of_traffic_are_labelled_simulated_and_kept_apart(ledger: Ledger) -> None:
    found = [e for e in ledger.entries if e.data.source]
    assert len(found) == 8
    assert {e.data.source for e in found} == {"simulated"}
    assert len({e.data.name for e in found}) == 2
    assert "not from any provider" in ledger.finding()


def test_strain_makes_one_deployment_available_for_about_what_the_claim_sets_out_from(
    ledger: Ledger,
) -> None:
    found = _strained(ledger, "fallback_availability")
    alone = float(found.note.split(": ")[1].split("%")[0])
    assert 92 < alone < 99
    assert 100 * found.measured.value > alone


def test_errors_are_counted_among_those_that_the_first_deployment_left(ledger: Ledger) -> None:
    found = _strained(ledger, "fallback_errors")
    still, of = (int(found.note.split()[k]) for k in (0, 2))
    assert of == found.n < REQUESTS / 5
    assert found.measured.value == pytest.approx(still / of - 1)


def test_availability_cannot_rise_beyond_all_requests(ledger: Ledger) -> None:
    found = _strained(ledger, "dynamic_availability")
    limit = float(found.note.split("; +")[1].split("%")[0]) / 100
    assert 0 < found.measured.value <= limit + 0.001


def test_tables_alone_are_what_a_simulation_cannot_speak_of(ledger: Ledger) -> None:
    (found,) = ledger.of("routing_quality")
    assert found.remark() == "It takes a table of outcomes."
