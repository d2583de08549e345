"""Names that lead nowhere, or round in a circle, are found when the policy is read."""

from __future__ import annotations

import pytest

from orchestra_kit.core.errors import PolicyError


def test_an_unknown_deployment_in_a_chain_is_told_with_the_nearest_name(small) -> None:
    small.change("{use: beta, timeout: 20s}", "{use: betta, timeout: 20s}")
    (problem,) = small.problems()
    assert (problem.line, problem.path) == (16, "tasks.letter.chain.1.use")
    assert "betta" in problem.message
    assert "Did you mean “beta”?" in problem.hint


def test_a_legacy_name_means_its_successor(small) -> None:
    small.change("use: beta, because: it", "use: alpha-0, because: it")
    policy = small.load()
    assert policy.resolve(policy.rules[1].use[0]) == "alpha"


def test_a_chain_that_comes_back_to_a_deployment_is_a_cycle(small) -> None:
    small.change("{use: beta, timeout: 20s}", "{use: alpha-0, timeout: 20s}")
    (problem,) = small.problems()
    assert "cycle" in problem.message
    assert "alpha-0" in problem.message


def test_successors_that_lead_in_a_circle_are_told_once_each(small) -> None:
    small.change(
        "alpha-0: {retired: 2026-01-31, successor: alpha}",
        "one: {successor: two}\n  two: {successor: one}",
    )
    told = small.told()
    assert [path for _, path, _ in told] == ["models.one.successor", "models.two.successor"]
    assert "one → two → one" in told[0][2]


def test_a_retired_model_without_a_successor_cannot_stand_in_a_chain(small) -> None:
    small.change("successor: alpha}", "maker: nobody}")
    small.change("{use: beta, timeout: 20s}", "{use: alpha-0, timeout: 20s}")
    (problem,) = small.problems()
    assert "retired and has no successor" in problem.message


def test_a_model_done_by_hand_cannot_be_deployed(small) -> None:
    small.change("delta-1: {makes: image}", "delta-1: {makes: image, access: manual}")
    (problem,) = small.problems()
    assert problem.path == "deployments.delta.model"
    assert "by hand" in problem.message


def test_a_chain_link_that_makes_something_else_is_refused(small) -> None:
    small.change("{use: delta, timeout: 20s}", "{use: beta, timeout: 20s}")
    (problem,) = small.problems()
    assert "makes text, this task needs image" in problem.message


def test_every_tier_needs_a_value(small) -> None:
    small.change("  best: {quality: 1.0", "  finest: {quality: 1.0")
    messages = [m for _, _, m in small.told()]
    assert sum("gives no value for finest" in m for m in messages) == 2
    assert sum("“best” is not a tier" in m for m in messages) == 2


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("name: long,", "name: letter,", "rules.2.name"),
        ("review: true, because", "review: true, use: alpha, because", "rules.0"),
        ("use: gamma, because: gamma", "because: gamma", "rules.3"),
        ("use: gamma, because: gamma", "use: gama, because: gamma", "rules.3.use"),
    ],
)
def test_rules_that_cannot_be_carried_out_are_told(small, old: str, new: str, path: str) -> None:
    small.change(old, new)
    assert path in [p for _, p, _ in small.told()]


def test_alerts_and_budgets_name_only_what_exists(small) -> None:
    small.write(
        small.path.read_text("utf-8")
        + "  - {name: letters, scope: task, only: [leter], limit: $5, per: day}\n"
        + "alerts:\n"
        + "  - {name: slow, watch: p95_latency, task: letters, over: 45s}\n"
        + "  - {name: both, watch: quality, over: 0.9, under: 0.1}\n"
    )
    assert [p for _, p, _ in small.told()] == ["budgets.1.only", "alerts.0.task", "alerts.1"]


@pytest.mark.parametrize(
    ("missing", "path"),
    [
        ("prices.yaml", "prices"),
        ("capabilities.yaml", "capabilities"),
        ("letter.txt", "tasks.letter.examples"),
    ],
)
def test_a_companion_that_is_missing_is_told(small, missing: str, path: str) -> None:
    (small.folder / missing).unlink()
    (problem,) = small.problems()
    assert problem.path == path
    assert f"there is no file “{missing}”" in problem.message


def test_examples_without_a_request_are_refused_when_they_are_read(small) -> None:
    small.write("# nothing yet\n\n", "letter.txt")
    with pytest.raises(PolicyError, match="holds no example request"):
        small.load().examples("letter")


def test_the_hash_follows_what_decides_and_nothing_else(small) -> None:
    before = small.load().hash
    small.change("policy: small", "# a comment\n\npolicy:   small")
    assert small.load().hash == before
    small.change("timeout: 20s}\n      - {use: beta", "timeout: 21s}\n      - {use: beta")
    changed = small.load().hash
    assert changed != before
    small.change("quality: 0.7,", "quality: 0.71,", "capabilities.yaml")
    assert small.load().hash not in {before, changed}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("model: beta-1", "model: [beta-1]"),
        ("successor: alpha}", "successor: {alpha: 1}}"),
        ("{use: beta, timeout", "{use: [beta], timeout"),
        ("use: gamma, because: gamma", "use: [[gamma]], because: gamma"),
        ("per: month}", "per: month, scope: task, only: [[letter], {a: b}]}"),
    ],
)
def test_a_list_where_a_name_should_stand_is_told_and_not_stumbled_over(
    small, old: str, new: str
) -> None:
    small.change(old, new)
    assert small.problems()


TWIN = "  beta-b: {provider: anthropic, model: beta-1, key: none}\n  gamma: {provider"


def test_a_models_name_means_all_of_its_deployments_in_the_order_of_the_file(small) -> None:
    small.change("  gamma: {provider", TWIN)
    small.change("{use: beta, timeout: 20s}", "{use: beta-1, timeout: 20s}")
    small.change("use: beta, because: it", "use: [beta-1, alpha], because: it")
    policy = small.load()
    assert policy.targets("beta-1") == ("beta", "beta-b")
    assert policy.targets("beta-b") == ("beta-b",)
    assert policy.resolve("beta-1") == "beta"


def test_a_legacy_name_may_lead_to_a_model(small) -> None:
    small.change("  gamma: {provider", TWIN)
    small.change("successor: alpha}", "successor: beta-1}")
    assert small.load().targets("alpha-0") == ("beta", "beta-b")


def test_a_model_without_a_deployment_means_nothing(small) -> None:
    small.change("alpha-1: {context_window: 100000}",
                 "alpha-1: {context_window: 100000}\n  idle-1: {}")  # fmt: skip
    policy = small.load()
    for name in ("idle-1", "nobody"):
        with pytest.raises(KeyError):
            policy.targets(name)
    small.change("{use: beta, timeout: 20s}", "{use: idle-1, timeout: 20s}")
    (problem,) = small.problems()
    assert problem.message == (
        "“idle-1” is not a deployment of this policy, nor a model that has one."
    )


@pytest.mark.parametrize("first", ["beta", "beta-b"])
def test_a_model_beside_one_of_its_deployments_comes_back_to_it(small, first: str) -> None:
    small.change("  gamma: {provider", TWIN)
    small.change("{use: beta, timeout: 20s}", "{use: beta-1, timeout: 20s}")
    small.change("{use: alpha, timeout: 20s}", f"{{use: {first}, timeout: 20s}}")
    (problem,) = small.problems()
    assert f"comes back to “{first}” (both “{first}” and “beta-1” mean it)" in problem.message


def test_a_guardrail_for_an_unknown_task_is_told(small) -> None:
    small.change("budgets:\n", "guardrails: [{watch: slow, task: leter, over: 0.1}]\nbudgets:\n")
    (problem,) = small.problems()
    assert (problem.path, problem.hint) == ("guardrails.0.task", "Did you mean “letter”?")
