"""Thresholds of a policy: found, set in the file without touching anything else, told in words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import PolicyError
from orchestra_kit.policy.difference import difference_in_words
from orchestra_kit.policy.editing import edited, with_settings
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.thresholds import cuts, thresholds
from orchestra_kit.shipped import path


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    shutil.copytree(path("examples/contentforge"), tmp_path / "c")
    return Policy.load(tmp_path / "c")


def test_every_comparison_of_a_measured_field_with_a_number_is_a_cut() -> None:
    found = cuts('task == "words > 5" && words > 2000 && (70 <= complexity || confidence < .5)')
    assert [(c.field, c.op, c.value) for c in found] == [
        ("words", ">", 2000.0), ("complexity", ">=", 70.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["2 * words > 5", "words > 5 + tokens", "words == 5", "code", "size(task) > 5"]
)
def test_what_is_calculated_or_equal_is_no_cut(text: str) -> None:
    assert cuts(text) == ()


def test_a_policy_names_all_its_thresholds(policy: Policy) -> None:
    words = {t.words: t.value for t in thresholds(policy)}
    assert words["the confidence floor"] == 0.75
    assert words["the complexity cut of rule “premium long article”"] == 70
    assert words["the hour cut (>=) of rule “standard article, off-peak”"] == 3
    assert words["the weight of cost in tier basic"] == 0.7
    assert words["the limit of spend budget “month”"] == 6000
    assert len({t.key for t in thresholds(policy)}) == len(thresholds(policy))


def test_an_edit_changes_digits_and_nothing_else(policy: Policy) -> None:
    settings = {"rules.4.when.1": 62.0, "confidence_floor": 0.7, "budgets.0.limit": 5500.0}
    text = edited(policy, settings)
    old = policy.path.read_text("utf-8").splitlines()
    changed = [(a, b) for a, b in zip(old, text.splitlines(), strict=True) if a != b]
    assert len(changed) == 3
    assert all(a.split("#")[1:] == b.split("#")[1:] for a, b in changed), "comments stay"
    (policy.folder / "new.yaml").write_text(text, "utf-8")
    new = Policy.load(policy.folder / "new.yaml")
    assert difference_in_words(policy, new) == (
        "the confidence floor from 0.75 to 0.7",
        "the complexity cut of rule “premium long article” from 70 to 62",
        "the limit of spend budget “month” from $6000 to $5500",
    )
    assert new.hash == with_settings(policy, settings).hash != policy.hash


@given(st.data())
def test_file_and_memory_agree_on_any_settings(data: st.DataObject) -> None:
    policy = Policy.load(path("examples/contentforge"))
    settings = {}
    for threshold in thresholds(policy):
        if data.draw(st.booleans()):
            most = min(threshold.high, 5000.0)
            number = data.draw(st.integers(0, 100)) / 100 * most
            settings[threshold.key] = float(round(number)) if threshold.whole else round(number, 4)
    new = with_settings(policy, settings)
    assert {t.key: t.value for t in thresholds(new)} == {
        t.key: settings.get(t.key, t.value) for t in thresholds(policy)
    }
    moved = [t for t in thresholds(policy) if settings.get(t.key, t.value) != t.value]
    assert len(difference_in_words(policy, new)) == len(moved)


def test_a_value_out_of_range_and_an_unknown_threshold_are_refused(policy: Policy) -> None:
    with pytest.raises(PolicyError, match="the confidence floor cannot be 2"):
        edited(policy, {"confidence_floor": 2.0})
    with pytest.raises(PolicyError, match=r"no threshold “tiers\.gold\.cost”"):
        with_settings(policy, {"tiers.gold.cost": 1.0})


@pytest.mark.parametrize("quote", ["'", ">-\n      "])
def test_a_condition_may_be_quoted_or_folded(policy: Policy, quote: str) -> None:
    text = policy.path.read_text("utf-8")
    old = 'task == "article" && words > 2000 && complexity > 70 && tier == "premium"'
    assert old in text
    policy.path.write_text(text.replace(old, f"{quote}{old}{quote if quote == chr(39) else ''}"))
    policy = Policy.load(policy.path)
    assert "complexity > 62" in edited(policy, {"rules.4.when.1": 62.0})


def test_a_file_that_was_changed_meanwhile_is_not_edited(policy: Policy) -> None:
    text = policy.path.read_text("utf-8").replace("words > 2000 && complexity", "complexity")
    policy.path.write_text(text, "utf-8")
    with pytest.raises(PolicyError, match="is no longer the policy that was loaded"):
        edited(policy, {"rules.4.when.1": 62.0})


def test_other_changes_are_told_by_where_they_stand(policy: Policy) -> None:
    text = policy.path.read_text("utf-8")
    text = text.replace("{use: gemini-pro,    timeout: 20s}", "{use: gemini-pro,    timeout: 25s}")
    text = text.replace("name: premium long article", "name: premium long text")
    text = text.replace('task == "article" && code && tier', 'task == "article" && maths && tier')
    policy.path.write_text(text, "utf-8")
    said = difference_in_words(policy, Policy.load(policy.path))
    assert "tasks.article.chain.2.timeout from 20s to 25s" in said
    assert "rule “premium long article” is gone" in said
    assert "rule “premium long text” is new" in said
    assert any("when of rule “" in words for words in said)
    assert difference_in_words(policy, policy) == ()
