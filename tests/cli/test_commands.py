"""What the commands print, and with which status they end."""

from __future__ import annotations

import json

import pytest

ARTICLE = "Write a 2,500-word article comparing tea regions"


def test_route_explains_its_decision_as_json(orchestra):
    ended = orchestra("route", ARTICLE, "--tier", "premium", "--json")
    assert ended.status == 0
    decision = json.loads(ended.out)
    assert decision["task"] == "article"
    assert 0.75 <= decision["confidence"] <= 1
    assert decision["rule"]
    assert 1 <= len(decision["chain"]) <= 3
    assert 0 < decision["propensity"] <= 1
    assert len(decision["policy_hash"]) == 12
    scored = {c["deployment"] for c in decision["candidates"] if c["score"] is not None}
    dropped = {c["deployment"]: c["dropped_because"] for c in decision["candidates"]}
    assert set(decision["chain"]) <= scored
    assert all(dropped[name] for name in dropped if name not in scored)


def test_route_explains_its_decision_to_people(orchestra):
    ended = orchestra("route", ARTICLE, "--tier", "premium")
    assert ended.status == 0
    assert "by rule" in ended.out
    assert "dropped because" in ended.out


def test_route_shows_every_step_as_a_tree(orchestra):
    ended = orchestra("route", ARTICLE, "--tier", "premium", "--tree")
    assert ended.status == 0
    for words in ("rule “premium article”", "premium long article", "probability of this choice",
                  "not tried", "makes audio"):  # fmt: skip
        assert words in ended.out


def test_run_answers_and_labels_where_the_answer_comes_from(orchestra):
    ended = orchestra("run", ARTICLE, "--seed", 3, "--json")
    assert ended.status == 0
    reply = json.loads(ended.out)
    assert reply["status"] == "answered"
    assert reply["source"] == "simulated"
    assert float(reply["cost"]) > 0


def test_run_ends_with_one_where_no_model_answered(orchestra):
    ended = orchestra("run", "qwrt zxcv plmk")
    assert ended.status == 1
    assert "review" in ended.out


def test_check_passes_the_example_and_shows_its_version(orchestra):
    ended = orchestra("check")
    assert ended.status == 0
    assert "contentforge" in ended.out
    assert json.loads(orchestra("check", "--json").out)["policy_hash"] in ended.out


def test_suite_ends_with_one_when_a_target_is_missed(orchestra, contentforge):
    suite = contentforge / "suite.yaml"
    suite.write_text(
        "suite: strict\npolicy: orchestra.yaml\nscenarios:\n"
        "  - id: cheap\n    request: {text: Write a 1500-word article on tea, tier: standard}\n"
        "    expect: {task: article}\n    targets: {cost: $0.000001}\n"
    )
    ended = orchestra("suite", "run", suite, "--seed", 7, "--epochs", 2, "--json")
    assert ended.status == 1
    assert json.loads(ended.out)["source"] == "simulated"


def test_suite_ends_with_nought_when_all_is_met(orchestra, contentforge):
    suite = contentforge / "suite.yaml"
    suite.write_text(
        "suite: easy\npolicy: orchestra.yaml\nscenarios:\n"
        "  - id: answered\n    request: {text: Write a 1500-word article on tea, tier: standard}\n"
        "    expect: {task: article, outcome: answered}\n    targets: {cost: $1}\n"
    )
    assert orchestra("suite", "run", suite, "--epochs", 2).status == 0


def test_training_writes_a_classifier_that_the_policy_takes_as_current(orchestra, contentforge):
    (contentforge / "classifier.json").unlink()
    assert "train" in orchestra("route", ARTICLE, "--policy", contentforge).err
    assert orchestra("train", contentforge).status == 0
    assert orchestra("route", ARTICLE, "--policy", contentforge).status == 0


@pytest.mark.parametrize(
    "command",
    ["check", "route", "run", "train", "measure", "record", "demo", "lab", "suite", "outcomes"],
)
def test_every_command_explains_itself(orchestra, command):
    ended = orchestra(command, "--help")
    assert ended.status == 0
    assert "Usage" in ended.out


def test_the_matrix_of_the_recording_is_printed_and_drawn(orchestra, tmp_path):
    from orchestra_kit.shipped import path

    recording = path("examples/recorded/outcomes.parquet")
    picture = tmp_path / "quality.svg"
    ended = orchestra("outcomes", "matrix", recording, "--heatmap", picture)
    assert ended.status == 0
    assert "recorded" in ended.out
    assert picture.read_text().lstrip().startswith("<svg")
    matrix = json.loads(orchestra("outcomes", "matrix", recording, "--json").out)
    assert matrix["source"] == "recorded"
