"""The model of success in pure Python, and what a decision makes of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import PolicyError
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.router import Router
from orchestra_kit.routing.success import ENCODER, VERSION, SuccessModel
from orchestra_kit.routing.surface import SURFACE
from tests.routing.small import POLICY, a_request, a_snapshot, write_policy

DOCUMENT: dict[str, object] = {
    "version": VERSION,
    "encoder": ENCODER,
    "models": ["strong-1", "light"],
    "outcomes": "abc",
    "vocabulary": ["easy", "hard"],
    "idf": [1.0, 1.0],
    "weights": [[0.1, 0.4], [-0.2, -0.4]],
    "bias": [0.6, 0.5],
    "surface": {
        "names": list(SURFACE),
        "mean": [0.0] * len(SURFACE),
        "scale": [0.0] * len(SURFACE),
        "weights": [[0.0, 0.0]] * len(SURFACE),
    },
    "tasks": {"letter": [0.1, -0.1]},
    "calibration": [{"raw": [0.0, 1.0], "score": [0.0, 1.0]}] * 2,
}


@pytest.fixture
def model() -> SuccessModel:
    return SuccessModel.of(DOCUMENT)


def _with(**changes: object) -> dict[str, object]:
    return {**DOCUMENT, **changes}


def test_words_and_task_add_up_and_are_calibrated(model: SuccessModel) -> None:
    easy = model.expect("easy", {"letter": 1.0})
    assert easy.chances == pytest.approx({"strong-1": 0.8, "light": 0.8})
    assert easy.difficulty == 20.0
    unsure = model.expect("easy", {"letter": 0.5, "picture": 0.5})
    assert unsure.chances == pytest.approx({"strong-1": 0.75, "light": 0.85})


def test_a_curve_is_level_beyond_its_ends() -> None:
    curves = [{"raw": [0.55, 0.65], "score": [0.2, 0.4]}] * 2
    found = SuccessModel.of(_with(calibration=curves)).expect("hard", {})
    assert found.chances == pytest.approx({"strong-1": 0.2, "light": 0.2})
    assert SuccessModel.of(_with(calibration=curves)).expect("", {}).chances["strong-1"] == (
        pytest.approx(0.3)
    )


@given(st.text(max_size=400))
def test_any_text_has_chances_and_a_difficulty(text: str) -> None:
    found = SuccessModel.of(DOCUMENT).expect(text, {"letter": 1.0})
    assert all(0 <= chance <= 1 for chance in found.chances.values())
    assert 0 <= found.difficulty <= 100


def test_a_longest_text_of_words_takes_under_a_millisecond() -> None:
    words = [f"w{k:04d}" for k in range(3_000)]
    letters = [word.translate(str.maketrans("0123456789", "abcdefghij")) for word in words]
    columns = 6
    model = SuccessModel.of(
        _with(
            models=[f"m{k}" for k in range(columns)],
            vocabulary=letters,
            idf=[1.0] * len(letters),
            weights=[[0.01] * columns] * len(letters),
            bias=[0.5] * columns,
            surface={**DOCUMENT["surface"], "weights": [[0.0] * columns] * len(SURFACE)},  # type: ignore[dict-item]
            tasks={"letter": [0.0] * columns},
            calibration=[{"raw": [0.0, 1.0], "score": [0.0, 1.0]}] * columns,
        )
    )
    texts = [" ".join(letters[k : k + 250]) for k in range(0, 500, 5)]
    for text in texts:
        model.expect(text, {"letter": 1.0})  # words are looked up once
    fresh = [f"{text} {k}" for k, text in enumerate(texts)]
    taken = []
    for text in fresh:
        start = time.process_time()
        model.expect(text, {"letter": 1.0})
        taken.append(time.process_time() - start)
    assert min(taken) < 0.001, "others may use the processor; the best is what it takes"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 99}, "is not a success model of this version"),
        ({"encoder": "minilm"}, "was trained with the encoder “minilm”"),
        ({"bias": [0.1]}, "is damaged"),
        ({"weights": [[0.1, float("nan")], [0, 0]]}, "is damaged"),
        ({"calibration": [{"raw": [1.0, 0.0], "score": [0.0, 1.0]}] * 2}, "is damaged"),
        ({"surface": {"names": ["length"]}}, "is damaged"),
        ({"models": []}, "is damaged"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    path = tmp_path / "success.json"
    path.write_text(json.dumps(_with(**changes)))
    with pytest.raises(PolicyError, match=words) as refused:
        SuccessModel.load(path)
    assert "orchestra outcomes train" in str(refused.value)


def test_a_decision_scores_by_what_is_foretold_and_says_so(
    policy: Policy, model: SuccessModel
) -> None:
    request = a_request("a hard one", task="letter", tier="best")
    before = Router(policy, None, seed=1, explore=False).decide(request, a_snapshot())
    router = Router(policy, None, seed=1, explore=False, success=model)
    after = router.decide(request, a_snapshot())
    found = {c.deployment: c for c in after.candidates}
    assert found["strong"].quality == pytest.approx(0.5)
    assert found["light"].quality == pytest.approx(0.0)
    assert found["strong"].foretold
    assert not found["middling"].foretold
    known = {c.deployment: c for c in before.candidates}
    assert found["middling"] == known["middling"]
    assert found["strong"].score != known["strong"].score
    assert "0.50 foretold" in after.table().to_text()
    assert "foretold" not in before.table().to_text()


def test_difficulty_is_a_field_of_conditions_and_null_without_a_model(
    tmp_path: Path, model: SuccessModel
) -> None:
    rule = (
        "  - {name: hard, when: 'task == \"letter\" && difficulty > 40', use: spare, because: x}\n"
    )
    policy = write_policy(tmp_path, orchestra=POLICY.replace("rules:\n", f"rules:\n{rule}", 1))
    request = a_request("a hard one", task="letter")
    bare = Router(policy, None, seed=1, explore=False).decide(request, a_snapshot())
    assert bare.context.difficulty is None
    assert bare.rule != "hard"
    router = Router(policy, None, seed=1, explore=False, success=model)
    assert router.decide(request, a_snapshot()).rule == "hard"
    easy = router.decide(a_request("an easy one", task="letter"), a_snapshot())
    assert easy.context.difficulty == pytest.approx(20.0, abs=3)
    assert easy.rule != "hard"


def test_the_policys_hash_knows_its_model_of_success(tmp_path: Path) -> None:
    policy = write_policy(tmp_path)
    before = policy.hash
    assert SuccessModel.beside(policy) is None
    policy.success_path.write_text(json.dumps(DOCUMENT))
    again = Policy.load(policy.path)
    assert again.hash != before
    assert SuccessModel.beside(again) is not None
