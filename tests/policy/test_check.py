"""The static analysis finds what would surprise a policy's owner later, and nothing else."""

from __future__ import annotations

import json
from datetime import date
from urllib.parse import urlsplit

import pytest

from orchestra_kit.core.ids import content_hash
from orchestra_kit.policy.check import Finding, check, findings_table
from orchestra_kit.policy.check_chains import HOMES
from orchestra_kit.providers.live import _KINDS

TODAY = date(2026, 11, 23)


def found(small, kind: str, today: date = TODAY) -> list[Finding]:
    return [f for f in check(small.load(), today=today) if f.kind == kind]


@pytest.fixture
def trained(small):
    """The small policy with a classifier trained on its examples."""
    policy = small.load()
    examples = {task: policy.examples(task) for task in policy.tasks}
    digest = content_hash({"version": 1, "tasks": examples}, length=16)
    learned = {"version": 1, "tasks": list(policy.tasks), "examples": digest}
    small.write(json.dumps(learned), "classifier.json")
    return small


def test_a_sound_policy_has_no_findings(trained) -> None:
    assert check(trained.load(), today=TODAY) == ()


def test_a_rule_behind_a_wider_one_is_shadowed(trained) -> None:
    trained.change('task == "letter" && words > 500', 'task == "letter" && words > 50000')
    text = trained.path.read_text("utf-8").splitlines()
    long = next(i for i, line in enumerate(text) if "name: long" in line)
    text[long], text[long + 1] = text[long + 1], text[long]
    trained.write("\n".join(text) + "\n")
    (finding,) = found(trained, "shadowed rule")
    assert finding.severity == "error"
    assert "“long” never decides" in finding.message
    assert "“letter”" in finding.message
    assert "requests" in finding.message
    assert finding.where.startswith("orchestra.yaml:43 rules.2.when")


@pytest.mark.parametrize(
    "condition",
    [
        'task == "letter" && words > 500 && words < 400',
        'task == "leter"',
        "confidence > 1.0",
        "hour == 24",
        "complexity > 100",
        'task == "letter" && task == "picture"',
    ],
)
def test_a_condition_that_contradicts_itself_is_never_true(trained, condition: str) -> None:
    trained.change('task == "letter" && words > 500', condition)
    (finding,) = found(trained, "rule never true")
    assert "“long”" in finding.message
    assert finding.severity == "error"


def test_what_the_boundary_values_cannot_tell_for_sure_is_only_warned_of(trained) -> None:
    trained.change('task == "letter" && words > 500', "words * 2 > 100 && words < 10")
    (finding,) = found(trained, "rule never true")
    assert finding.severity == "warning"
    assert "unless a request that was not tried makes it true" in finding.hint


@pytest.mark.parametrize(
    "condition",
    [
        'task == "letter" && words == 1234 && hour == 7 && complexity > 99.5',
        'task == "letter" && language == "sw"',
        'task == "letter" && !(language in ["en", "de"])',
        'task == "letter" && format == "json" && session_turns == 17 && attachments > 3',
        'task == "letter" && tokens > 123456 && ambiguity < 1 && budget_left < 0.015',
        'task == "letter" && 700 < words',
        'task == "letter" && language.startsWith("pt")',
        'task == "letter" && language.matches("^(fr|de)$")',
        'task == "letter" && words - tokens > 500',
        'task == "letter" && words % 2 == 1',
        'task == "letter" && complexity + ambiguity > 150.0',
        'task == "letter" && hour in [1, 2] && !urgent && complexity >= 70.5 && ambiguity < 5.5'
        ' && code && !maths && language == "sw" && format == "table" && attachments == 7'
        " && session_turns > 12 && budget_left < 0.33 && words > 12345 && tokens > 777",
    ],
)
def test_a_narrow_rule_is_reached(trained, condition: str) -> None:
    trained.change('task == "letter" && words > 500', condition)
    assert found(trained, "rule never true") == []
    assert found(trained, "shadowed rule") == []


def test_partly_overlapping_rules_are_noted_once_with_their_order(trained) -> None:
    trained.change('when: task == "letter",', 'when: task == "letter" && hour < 6,')
    (finding,) = found(trained, "overlapping rules")
    assert finding.severity == "note"
    assert "“long” before “letter”" in finding.message


def test_requests_that_no_rule_decides_are_noted_by_task(trained) -> None:
    trained.change('when: task == "letter",', 'when: task == "letter" && urgent,')
    (finding,) = found(trained, "no rule")
    assert finding.where == "orchestra.yaml:8 tasks.letter"
    assert "urgent False" in finding.message


def test_a_rule_that_sends_a_task_to_the_wrong_medium_is_an_error(trained) -> None:
    trained.change('when: task == "letter",', 'when: tier == "best",')
    (finding,) = found(trained, "wrong medium")
    assert "sends picture to “alpha”, which makes text" in finding.message


def test_a_rule_for_what_was_never_measured_is_told(trained) -> None:
    trained.change("  alpha: {letter: {quality: 0.8,", "  omega: {letter: {quality: 0.8,",
                   "capabilities.yaml")  # fmt: skip
    assert [f.where.split()[-1] for f in found(trained, "never measured")] == [
        "tasks.letter.chain.0.use",
        "rules.2.use",
    ]


def test_a_reason_of_two_words_is_no_reason(trained) -> None:
    trained.change("because: alpha is quick and good", "because: it works")
    (finding,) = found(trained, "no reason")
    assert "“it works” does not say why" in finding.message


def test_a_legacy_name_in_a_rule_is_told_with_its_successor(trained) -> None:
    trained.change("use: alpha, because", "use: alpha-0, because")
    (finding,) = found(trained, "legacy name")
    assert finding.hint == "Write “alpha”."


@pytest.mark.parametrize(
    ("retired", "kind", "severity"),
    [
        ("2026-11-23", "retired model", "error"),
        ("2026-11-24", "retiring model", "warning"),
        ("2027-02-21", "retiring model", "warning"),
        ("2027-02-22", None, None),
    ],
)
def test_a_deployed_model_is_told_of_ninety_days_before_it_retires(
    trained, retired: str, kind: str | None, severity: str | None
) -> None:
    trained.change("beta-1: {context", f"beta-1: {{retired: {retired}, context")
    findings = [f for f in check(trained.load(), today=TODAY) if "beta-1" in f.message]
    assert [(f.kind, f.severity) for f in findings] == ([(kind, severity)] if kind else [])


def test_a_chain_at_one_provider_is_one_failure_domain(trained) -> None:
    trained.change("beta: {provider: anthropic", "beta: {provider: openai")
    (finding,) = found(trained, "one failure domain")
    assert "all 2 deployments are at api.openai.com" in finding.message
    assert finding.severity == "warning"


_ONE, _TWO_REGIONS, _APART = ["one failure domain"], ["one provider"], []


@pytest.mark.parametrize(
    ("alpha", "beta", "kinds"),
    [
        ("base_url: http://localhost:8001/v1", "base_url: 'http://127.0.0.1:8002/v1'", _ONE),
        ("base_url: http://10.0.0.1:8001/v1", "base_url: http://10.0.0.1:8002/v1", _ONE),
        ("base_url: http://10.0.0.1/v1", "base_url: http://10.0.0.2/v1", _APART),
        ("base_url: https://a.example/v1", "base_url: https://A.example/v2", _ONE),
        ("account: one", "base_url: https://api.openai.com/v1", _ONE),
        ("region: eu, account: one", "region: eu, account: two", _ONE),
        ("region: eu", "region: us", _TWO_REGIONS),
        ("region: eu", "account: one", _TWO_REGIONS),
    ],
)
def test_what_fails_together_is_told_by_machine_provider_and_region(
    trained, alpha: str, beta: str, kinds: list[str]
) -> None:
    trained.change("model: alpha-1, key", f"model: alpha-1, {alpha}, key")
    trained.change("{provider: anthropic, model: beta-1, key",
                   f"{{provider: openai, model: beta-1, {beta}, key")  # fmt: skip
    told = [f.kind for f in check(trained.load(), today=TODAY) if f.kind in {*_ONE, *_TWO_REGIONS}]
    assert told == kinds


def test_one_machine_is_one_failure_domain_whatever_protocols_it_speaks(trained) -> None:
    trained.change("model: alpha-1, key", "model: alpha-1, base_url: http://localhost:1/v1, key")
    trained.change("model: beta-1, key", "model: beta-1, base_url: 'http://[::1]:2/v1', key")
    (finding,) = found(trained, "one failure domain")
    assert "this machine" in finding.message


def test_the_homes_of_providers_are_those_that_are_called() -> None:
    assert {name: urlsplit(kind.home).hostname for name, kind in _KINDS.items()} == HOMES


def test_a_disqualified_model_in_a_chain_is_an_error(trained) -> None:
    trained.change("beta-1: {context", "beta-1: {never_for: letter, context")
    (of_chain, of_rule) = found(trained, "disqualified model")
    assert of_chain.severity == of_rule.severity == "error"
    assert "“beta” stands in the chain of letter" in of_chain.message


def test_a_rule_for_requests_that_its_model_cannot_hold_is_an_error(trained) -> None:
    trained.change('task == "letter" && words > 500', 'task == "letter" && tokens > 50000')
    trained.change("beta-1: {context_window: 100000", "beta-1: {context_window: 54000")
    (finding,) = found(trained, "window too small")
    assert finding.severity == "error"
    assert "whose window holds 54,000 tokens" in finding.message
    assert "may take 54,001 at the least" in finding.message
    trained.change("beta-1: {context_window: 54000", "beta-1: {context_window: 54001")
    assert found(trained, "window too small") == []


def test_every_deployment_of_a_model_in_a_chain_is_looked_at(trained) -> None:
    twin = "  beta-b: {provider: anthropic, model: beta-1, key: none}\n"
    trained.change("  gamma: {provider", f"{twin}  gamma: {{provider")
    trained.change("{use: beta, timeout: 20s}", "{use: beta-1, timeout: 8s}")
    (short,) = found(trained, "timeout too short")
    assert "“beta” at letter" in short.message
    (unmeasured,) = found(trained, "never measured")
    assert "“beta-b” was never measured at letter" in unmeasured.message
    trained.change("use: beta, because: it", "use: beta-1, because: it")
    assert "“long” sends letter to “beta-1”, so to “beta-b”, which was never measured" in " ".join(
        f.message for f in found(trained, "never measured")
    )


def test_a_rule_about_attachments_needs_something_that_takes_them_in(trained) -> None:
    trained.change('task == "letter" && words > 500', 'task == "letter" && attachments > 0')
    (finding,) = found(trained, "reads only text")
    assert "“long” is about attachments, and “beta”" in finding.message
    trained.change("beta-1: {context", "beta-1: {reads: [text, image], context")
    assert found(trained, "reads only text") == []


def test_a_chain_of_one_link_is_noted(trained) -> None:
    trained.change("      - {use: delta, timeout: 20s}\n", "")
    (finding,) = found(trained, "no fallback")
    assert finding.severity == "note"
    assert "nothing is queued" in finding.message


def test_timeouts_longer_than_the_deadline_are_told(trained) -> None:
    trained.change("deadline: 60s", "deadline: 39s")
    assert len(found(trained, "too little time")) == 2


@pytest.mark.parametrize(("timeout", "severity"), [("8s", "warning"), ("3s", "error")])
def test_a_timeout_below_what_was_measured_is_told(trained, timeout: str, severity: str) -> None:
    trained.change("{use: alpha, timeout: 20s}", f"{{use: alpha, timeout: {timeout}}}")
    (finding,) = found(trained, "timeout too short")
    assert finding.severity == severity


def test_a_window_smaller_than_the_answer_is_an_error(trained) -> None:
    trained.change("alpha-1: {context_window: 100000}", "alpha-1: {context_window: 4000}")
    finding, of_rule = found(trained, "window too small")
    assert "chain" in finding.where
    assert "rules" in of_rule.where
    assert "4,000 tokens" in finding.message


def test_a_missing_price_is_an_error_under_a_spend_budget_and_a_warning_without(trained) -> None:
    trained.change("output: $2, says: list price}]\n  beta", "says: list price}]\n  beta",
                   "prices.yaml")  # fmt: skip
    (finding,) = found(trained, "no price")
    assert finding.severity == "error"
    assert "price for output" in finding.message
    trained.change("budgets:\n  - {name: month, limit: $100, per: month}\n", "")
    assert [f.severity for f in found(trained, "no price")] == ["warning"]


def test_an_old_price_and_a_coming_one_are_told(trained) -> None:
    trained.change(
        "delta-1: [{from: 2026-10-01, image: $0.02",
        "delta-1: [{from: 2026-12-01, image: $0.03, says: announced}, "
        "{from: 2026-01-01, image: $0.02",
        "prices.yaml",
    )
    (old,) = found(trained, "old price")
    assert "delta-1" in old.message
    (change,) = found(trained, "price change")
    assert "image from $0.0200 to $0.0300" in change.message


def test_assumed_and_old_figures_are_told(trained) -> None:
    trained.change("source: simulated", "source: assumed", "capabilities.yaml")
    assert len(found(trained, "assumed figures")) == 1
    assert len(found(trained, "old figures", date(2027, 1, 30))) == 0
    assert len(found(trained, "old figures", date(2027, 1, 31))) == 1


def test_a_missing_stale_or_broken_classifier_is_told(trained) -> None:
    assert found(trained, "classifier") == []
    with (trained.folder / "letter.txt").open("a", encoding="utf-8") as file:
        file.write("\nWrite to the queen\n")
    (stale,) = found(trained, "classifier")
    assert "other examples" in stale.message
    trained.write('{"version": 1, "tasks": ["poem"], "examples": ""}', "classifier.json")
    assert "other tasks" in found(trained, "classifier")[0].message
    trained.write("[" * 100_000, "classifier.json")
    assert "cannot be read" in found(trained, "classifier")[0].message
    (trained.folder / "classifier.json").unlink()
    assert "there is no classifier.json" in found(trained, "classifier")[0].message


def test_an_example_of_two_tasks_is_an_error_and_a_near_one_a_warning(trained) -> None:
    with (trained.folder / "picture.txt").open("a", encoding="utf-8") as file:
        file.write("\nwrite to the bank to thank them kindly!\n")
        file.write("Write to the old aunt to remind them kindly\n")
    findings = found(trained, "overlapping tasks")
    assert {(f.severity, "as well" in f.message) for f in findings} == {
        ("error", True),
        ("warning", False),
    }


def test_too_few_and_unreadable_examples_are_told(trained) -> None:
    trained.write("Paint a fox\nPaint an owl\n", "picture.txt")
    assert "holds 2 examples" in found(trained, "few examples")[0].message
    trained.write(b"\xff\xfe", "picture.txt")
    assert found(trained, "no examples")[0].severity == "error"


def test_budgets_that_cannot_act_are_told(trained) -> None:
    trained.change(
        "{name: month, limit: $100, per: month}",
        "{name: month, limit: $100, per: month, downgrade_at: 1.2, block_at: 1.0}\n"
        "  - {name: again, limit: $50, per: month, only: letter}",
    )
    assert [f.where.split()[-1] for f in found(trained, "budget")] == [
        "budgets.0.downgrade_at",
        "budgets.1.only",
    ]


def test_findings_are_ordered_and_show_themselves(trained) -> None:
    trained.change("deadline: 60s", "deadline: 39s")
    trained.change('task == "letter" && words > 500', "hour == 24")
    findings = check(trained.load(), today=TODAY)
    assert [f.severity for f in findings] == ["error", "warning", "warning"]
    assert findings == check(trained.load(), today=TODAY)
    text = findings_table(reversed(findings)).to_text()
    assert text.startswith("1 error, 2 warnings")
    assert text.index("rule never true") < text.index("too little time")
    assert findings[0].to_dict()["kind"] == "rule never true"


def test_without_rules_there_is_nothing_to_say_about_them(trained) -> None:
    text = trained.path.read_text("utf-8")
    start, end = text.index("rules:\n"), text.index("budgets:\n")
    trained.write(text[:start] + text[end:])
    assert check(trained.load(), today=TODAY) == ()
