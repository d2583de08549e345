"""The engine decides by the model of success that lies beside its policy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestra_kit.core.errors import PolicyError
from orchestra_kit.policy.policy import Policy
from tests.engine.small import an_orchestra, write_policy
from tests.routing.test_success import DOCUMENT


def _foretold(folder: Path, **changes: object) -> Policy:
    write_policy(folder)
    document = {**DOCUMENT, "models": ["first-1", "second-1"], **changes}
    (folder / "success.json").write_text(json.dumps(document))
    return Policy.load(folder)


def test_what_is_foretold_takes_the_place_of_the_tasks_mean(tmp_path: Path) -> None:
    with an_orchestra(_foretold(tmp_path)) as orchestra:
        decision = orchestra.explain("A hard letter", tier="best", task="letter")
    found = {candidate.deployment: candidate for candidate in decision.candidates}
    assert found["first"].quality == pytest.approx(0.7 - 0.2)
    assert found["first"].foretold
    assert not found["third"].foretold
    assert decision.context.difficulty == pytest.approx(50.0)


def test_one_that_was_trained_with_another_encoder_is_refused(tmp_path: Path) -> None:
    policy = _foretold(tmp_path, encoder="all-MiniLM-L6-v2-int8-128")
    with pytest.raises(PolicyError, match="was trained with the encoder"), an_orchestra(policy):
        pass
