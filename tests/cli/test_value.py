"""``orchestra outcomes value``: what it prints, and with which status it ends."""

from __future__ import annotations

import json

import pytest

from orchestra_kit.store.store import Store
from tests.outcomes.off_policy.service import BY_LENGTH, LETTERS, a_policy, serve


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Stores of a policy that leaves something to chance and of one that does not; a new policy."""
    folder = tmp_path_factory.mktemp("value")
    for name, adapts in (("chance", True), ("fixed", False)):
        with Store.open(folder / f"{name}.db", durable=False) as store:
            serve(a_policy(folder / name, LETTERS, adapts=adapts), 400, store)
    a_policy(folder / "new", BY_LENGTH, adapts=False)
    return folder


def test_a_policy_is_valued_for_people(orchestra, places):
    ended = orchestra(
        "outcomes", "value", "--store", places / "chance.db", "--policy", places / "new"
    )
    assert ended.status == 0, ended.out + ended.err
    for words in (
        "doubly robust",
        "against what was logged",
        "The quality of small would have been",
    ):
        assert words in ended.out


def test_a_policy_is_valued_for_programs(orchestra, places):
    ended = orchestra(
        "outcomes", "value", "--store", places / "chance.db", "--policy", places / "new",
        "--against", places / "chance", "--json",
    )  # fmt: skip
    assert ended.status == 0, ended.out + ended.err
    found = json.loads(ended.out)
    assert found["verdict"] in {"estimable", "weak"}
    assert found["source"] == "simulated"
    assert {each["outcome"] for each in found["outcomes"]} == {"quality", "cost"}
    for each in found["outcomes"][0]["estimates"]:
        assert each["value"]["low"] < each["value"]["value"] < each["value"]["high"]


def test_what_was_never_left_to_chance_ends_with_one(orchestra, places):
    ended = orchestra(
        "outcomes", "value", "--store", places / "fixed.db", "--policy", places / "new", "--json"
    )
    assert ended.status == 1
    found = json.loads(ended.out)
    assert found["verdict"] == "not estimable"
    assert found["outcomes"][0]["estimates"][0]["value"] is None
    assert "never tried" in found["sentences"][0]


@pytest.mark.parametrize(("store", "policy"), [("absent.db", "new"), ("chance.db", "absent")])
def test_what_is_not_there_ends_with_two(orchestra, places, store, policy):
    ended = orchestra("outcomes", "value", "--store", places / store, "--policy", places / policy)
    assert ended.status == 2
    assert ended.err.startswith("orchestra: ")
