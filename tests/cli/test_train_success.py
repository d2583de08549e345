"""``orchestra outcomes train``: what it prints, what it writes, and what is decided by it."""

from __future__ import annotations

import json

import pytest

from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.success import SuccessModel
from tests.outcomes.predictors.test_success_training import outcomes
from tests.outcomes.synthetic import frame, write
from tests.routing.small import write_policy


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A policy, and outcomes of its models."""
    folder = tmp_path_factory.mktemp("train")
    (folder / "policy").mkdir()
    write_policy(folder / "policy")
    outcomes(300).write(folder / "outcomes.parquet")
    return folder


def test_success_is_learnt_and_written_beside_the_policy(orchestra, places):
    ended = orchestra(
        "outcomes", "train", places / "outcomes.parquet", "--policy", places / "policy"
    )
    assert ended.status == 0, ended.out + ended.err
    assert "Success of 2 models" in ended.out
    assert "Calibration error" in ended.out
    assert "success.json" in ended.out
    policy = Policy.load(places / "policy")
    assert SuccessModel.beside(policy) is not None


def test_what_was_learnt_is_told_to_programs(orchestra, places):
    ended = orchestra(
        "outcomes", "train", places / "outcomes.parquet", "--policy", places / "policy", "--json"
    )
    assert ended.status == 0, ended.out + ended.err
    found = json.loads(ended.out)
    assert found["models"] == ["strong-1", "light"]
    assert found["n"] == 300
    assert found["brier"]["low"] < found["brier"]["value"] < found["brier"]["high"]


def test_a_policy_of_other_models_is_refused_in_one_sentence(orchestra, places):
    other = write(places, frame(), "other.parquet")
    ended = orchestra("outcomes", "train", other, "--policy", places / "policy")
    assert ended.status == 2
    assert "none of the models of policy" in ended.err
    assert "Traceback" not in ended.err
