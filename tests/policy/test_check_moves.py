"""What moves traffic while a policy runs must have something to move, and to watch."""

from __future__ import annotations

from datetime import date

import pytest

from orchestra_kit.policy.check import Finding, check

TODAY = date(2026, 11, 23)
FLOOR = "    quality_floor: 0.5\n    chain:\n      - {use: alpha"
PICTURE = "    quality_floor: 0.5\n    chain:\n      - {use: gamma"


def found(small, kind: str) -> list[Finding]:
    return [f for f in check(small.load(), today=TODAY) if f.kind == kind]


def letter(small, line: str) -> None:
    small.change(FLOOR, f"    {line}\n{FLOOR}")


def test_hedging_is_for_text(small) -> None:
    letter(small, "hedge: {share: 0.05}")
    assert found(small, "hedging") == []
    small.change(PICTURE, f"    hedge: {{share: 0.05}}\n{PICTURE}")
    (finding,) = found(small, "hedging")
    assert (finding.severity, finding.where) == ("error", "orchestra.yaml:25 tasks.picture.hedge")
    assert "makes image" in finding.message


def test_hedging_needs_a_second_deployment(small) -> None:
    letter(small, "hedge: {share: 0.05}")
    small.change("      - {use: beta, timeout: 20s}\n", "")
    (finding,) = found(small, "hedging")
    assert "none to hedge with" in finding.message


def test_only_text_is_kept(small) -> None:
    letter(small, "cache: {ttl: 24h}")
    assert found(small, "caching") == []
    small.change(PICTURE, f"    cache: {{ttl: 24h, shared_by: everyone}}\n{PICTURE}")
    (finding,) = found(small, "caching")
    assert (finding.severity, finding.where) == ("error", "orchestra.yaml:25 tasks.picture.cache")


def test_adapting_needs_two_that_were_measured(small) -> None:
    letter(small, "adapt: {within: 0.2}")
    assert found(small, "adaptation") == []
    small.change("  beta: {letter: {", "  omega: {letter: {", "capabilities.yaml")
    (finding,) = found(small, "adaptation")
    assert finding.severity == "warning"
    assert "no two deployments" in finding.message


def test_exploring_beside_an_adaptation_has_no_effect(small) -> None:
    letter(small, "adapt: {within: 0.2}\n    explore: 0.05")
    (finding,) = found(small, "adaptation")
    assert "`explore` has no effect" in finding.message


def test_a_floor_that_takes_all_that_may_be_moved_is_told(small) -> None:
    letter(small, "adapt: {within: 0.1, floor: 0.06}")
    (finding,) = found(small, "adaptation")
    assert "2 deployments with a floor of 6.0% each take up all of the 10%" in finding.message


def test_a_weight_counts_only_among_deployments_of_a_model_that_is_named(small) -> None:
    small.change("key: env:BETA}", "key: env:BETA, weight: 3}")
    (finding,) = found(small, "weight")
    assert "Name the model “beta-1”" in finding.hint
    small.change("  gamma: {provider", "  beta-b: {provider: anthropic, model: beta-1, key: none}\n"
                 "  gamma: {provider")  # fmt: skip
    assert len(found(small, "weight")) == 1
    small.change("{use: beta, timeout: 20s}", "{use: beta-1, timeout: 20s}")
    assert found(small, "weight") == []


@pytest.mark.parametrize(
    ("guardrails", "adapts", "said"),
    [
        ("[{watch: failures, over: 0.1}]", True, []),
        ("[{watch: failures, task: letter, over: 0.1}]", True, []),
        ("[{watch: failures, over: 0.1}]", False, ["no task adapts"]),
        ("[{watch: slow, task: picture, over: 0.1}]", True, ["“picture” does not adapt"]),
        ("[{watch: slow, over: 1.5}]", True, ["never over 1.5"]),
        ("[{watch: cost, over: 1.5}]", True, []),
        ("[{watch: slow, over: 0.1}, {watch: slow, over: 0.2}]", True, ["the same as number 1"]),
    ],
)
def test_a_guardrail_needs_something_that_changes_and_a_bound_that_can_be_crossed(
    small, guardrails: str, adapts: bool, said: list[str]
) -> None:
    if adapts:
        letter(small, "adapt: {within: 0.2}")
    small.change("budgets:\n", f"guardrails: {guardrails}\nbudgets:\n")
    findings = found(small, "guardrail")
    assert len(findings) == len(said)
    for finding, words in zip(findings, said, strict=True):
        assert words in finding.message
