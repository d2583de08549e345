from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from orchestra_kit import shipped
from orchestra_kit.core.errors import PolicyError
from orchestra_kit.outcomes.classifier_training import (
    LARGEST,
    TrainedClassifier,
    train_classifier,
)
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.classification import Classifier
from tests.routing.small import EXAMPLES, POLICY, write_policy

UNKNOWN = ("blorp glarb fnord", "xqzt wvvk", "", "?!?", "12345 67", "the the the the the")


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return write_policy(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def trained(policy: Policy) -> TrainedClassifier:
    return train_classifier(policy, seed=3)


def test_requests_like_the_examples_are_told_apart_surely(trained: TrainedClassifier) -> None:
    for text, task in (
        ("Write a letter of 700 words about copper to the editor", "letter"),
        ("Paint an illustration that shows a fox on a table", "picture"),
        ("Record a voice-over: “Our honey is the best”", "speech"),
    ):
        found = trained.classifier.classify(text)
        assert (found.task, found.confidence > 0.75) == (task, True), found


@pytest.mark.parametrize("text", UNKNOWN)
def test_gibberish_and_nearly_nothing_stay_below_the_floor(
    trained: TrainedClassifier, policy: Policy, text: str
) -> None:
    assert trained.classifier.classify(text).confidence < policy.file.confidence_floor


def test_pure_python_agrees_with_scikit_learn(trained: TrainedClassifier, tmp_path: Path) -> None:
    trained.save(tmp_path / "classifier.json")
    loaded = Classifier.load(tmp_path / "classifier.json")
    texts = [line for lines in EXAMPLES.values() for line in lines]
    texts += [*UNKNOWN, "Draw draw DRAW a fox", "Écris 1.500 mots", "画猫", "a" * 5000]
    scores = trained.scores(texts)
    for text, row in zip(texts, scores, strict=True):
        shares = np.exp((row - row.max()) / loaded.calibration.temperature)
        shares /= shares.sum()
        found = loaded.classify(text).probabilities
        ours = np.array([found[task] for task in loaded.tasks])
        # Calibration only mixes the softmax with "could be any": undo it, where it left anything.
        rest = 1 / len(ours)
        trust = (ours.max() - rest) / (shares.max() - rest) if shares.max() > rest + 1e-9 else 0.0
        assert 0 <= trust <= 1 + 1e-6
        np.testing.assert_allclose(ours, trust * shares + (1 - trust) * rest, atol=1e-6)


def test_the_same_examples_and_seed_give_the_same_bytes(
    trained: TrainedClassifier, policy: Policy, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    trained.save(first)
    train_classifier(policy, seed=3).save(second)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.json"]


def test_what_was_measured_is_written_with_its_interval_and_its_n(
    trained: TrainedClassifier, tmp_path: Path
) -> None:
    path = tmp_path / "classifier.json"
    trained.save(path)
    measured = json.loads(path.read_text("utf-8"))["measured"]
    n = sum(len(lines) for lines in EXAMPLES.values())
    assert measured["n"] == measured["accuracy"]["n"] == n
    assert measured["accuracy"]["low"] <= measured["accuracy"]["value"] == 1.0
    assert sum(sum(row.values()) for row in measured["confusion"].values()) == n
    assert 0 <= measured["calibration_error"] < 0.2
    assert 0 <= measured["brier"] < 0.2
    assert measured["off_topic_below_floor"]["value"] > 0.8
    assert dict(Classifier.load(path).measured) == measured


def test_the_report_and_the_table_say_how_good_it_is(trained: TrainedClassifier) -> None:
    assert json.loads(json.dumps(trained.report()))["accuracy"]["value"] == 1.0
    shown = trained.table().to_text()
    assert "Right on 100.0% (95.6% to 100.0%, n 84) of the examples" in shown
    assert "as picture" in shown


def test_labels_that_cannot_be_learnt_are_reported_as_not_learnt(tmp_path: Path) -> None:
    # The same kind of line everywhere: an honest measurement must come out near one in three,
    # however well the model remembers the lines themselves.
    lines = [f"item {chr(97 + i % 26)}{chr(97 + i // 26)}{chr(97 + i % 7)}" for i in range(90)]
    shuffled = {
        task: "\n".join(lines[start::3])
        for start, task in enumerate(("letter", "picture", "speech"))
    }
    found = train_classifier(write_policy(tmp_path, **shuffled)).measured
    assert found["accuracy"]["low"] < 0.45
    assert found["below_floor"]["value"] > 0.8


def test_changed_examples_make_it_stale(trained: TrainedClassifier, tmp_path: Path) -> None:
    assert trained.classifier.is_current(write_policy(tmp_path))
    with (tmp_path / "letter.txt").open("a", encoding="utf-8") as file:
        file.write("\n# only a comment\n")
    assert trained.classifier.is_current(Policy.load(tmp_path))
    with (tmp_path / "letter.txt").open("a", encoding="utf-8") as file:
        file.write("Write to my aunt\n")
    assert not trained.classifier.is_current(Policy.load(tmp_path))


def test_one_request_for_two_tasks_is_refused(tmp_path: Path) -> None:
    policy = write_policy(tmp_path, picture="\n".join([*EXAMPLES["picture"], "Draw  ME a fox"]),
                          speech="\n".join([*EXAMPLES["speech"], "draw me a fox"]))  # fmt: skip
    with pytest.raises(PolicyError, match="is an example of picture and of speech") as caught:
        train_classifier(policy)
    assert caught.value.problems[0].file.endswith("speech.txt")


def test_too_few_different_examples_are_refused(tmp_path: Path) -> None:
    policy = write_policy(tmp_path, speech="one\ntwo\nthree\nfour\nFour\n")
    with pytest.raises(PolicyError, match=r"speech\.txt.*fewer than 5 different examples"):
        train_classifier(policy)


def _without(policy: str, *tasks: str) -> str:
    for task in tasks:
        start = policy.index(f"  {task}:\n    is:")
        after = policy.find("\n  ", policy.index("then:", start))
        end = min(
            i for i in (policy.find("\n  speech:\n", start + 1), policy.index("\nmodels:"), after)
            if i > start
        )  # fmt: skip
        policy = policy[:start] + policy[end + 1 :]
    return policy


def test_two_tasks_and_one_task_train_as_well(tmp_path: Path) -> None:
    for number, dropped in enumerate((("speech",), ("picture", "speech"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        policy = write_policy(folder, orchestra=_without(POLICY, *dropped))
        trained = train_classifier(policy)
        assert trained.classifier.tasks == tuple(policy.tasks)
        assert len(policy.tasks) == 3 - len(dropped)
        found = trained.classifier.classify(EXAMPLES["letter"][0])
        assert found.task == "letter"
        assert found.confidence > 0.75


def test_the_contentforge_examples_train_a_classifier_that_keeps_its_promises(
    tmp_path: Path,
) -> None:
    policy = Policy.load(shipped.path("examples/contentforge"))
    trained = train_classifier(policy)
    path = tmp_path / "classifier.json"
    trained.save(path)
    assert path.stat().st_size <= LARGEST
    found = trained.measured
    assert found["accuracy"]["low"] > 0.8
    assert found["calibration_error"] < 0.1
    assert found["accuracy_above_floor"]["value"] > 0.9
