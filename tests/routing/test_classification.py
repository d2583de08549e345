from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import PolicyError
from orchestra_kit.routing.classification import (
    VERSION,
    Calibration,
    Classifier,
    features,
    known_share,
)
from orchestra_kit.routing.text_features import LOOKED_AT

DOCUMENT: dict[str, object] = {
    "version": VERSION,
    "tasks": ["letter", "picture"],
    "examples": "abc",
    "calibration": {"temperature": 1.0, "offset": -2.0, "slope": 30.0},
    "vocabulary": ["write", "draw", *(f"~{p}" for p in ("<wr", "rit", "<dr", "dra", "raw"))],
    "idf": [1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0],
    "weights": [[4, 0], [0, 4], [2, 0], [2, 0], [0, 2], [0, 2], [0, 2]],
    "bias": [0.0, 0.0],
}


def test_words_pairs_and_pieces_are_seen_and_figures_by_their_digits() -> None:
    found = features("Write 2,500 words")
    assert found[:5] == ["write", "#4", "words", "write #4", "#4 words"]
    assert "~<wri" in found
    assert "~ite>" in found
    assert not any("2" in name for name in found)


def test_scripts_without_spaces_give_a_word_for_each_character() -> None:
    assert features("画猫")[:3] == ["画", "猫", "画 猫"]


def test_only_the_beginning_and_the_end_of_a_long_text_are_seen() -> None:
    found = features("first " + "x " * 10**6 + "last")
    assert "first" in found
    assert "last" in found
    assert len(found) < 10 * LOOKED_AT


def test_probabilities_sum_to_one_and_the_confidence_is_the_largest() -> None:
    found = Classifier.of(DOCUMENT).classify("draw draw a fox")
    assert found.task == "picture"
    assert found.confidence == max(found.probabilities.values()) > 0.6
    assert sum(found.probabilities.values()) == pytest.approx(1.0)
    assert found.by == "classifier"


_PAIRED = {
    **DOCUMENT,
    "vocabulary": ["write", "draw", "write draw", "~<wr", "~rit", "~<dr", "~raw"],
    "weights": [[4, 0], [0, 4], [1, 3], [2, 1], [2, 0], [0, 2], [1, 2]],
}


@given(st.lists(st.sampled_from(["write", "draw", "drawn", "writ", "fox", "7", "rawraw"])))
def test_words_that_come_again_count_by_their_logarithm_as_the_formula_says(
    words: list[str],
) -> None:
    text = " ".join(words)
    idf = dict(zip(_PAIRED["vocabulary"], _PAIRED["idf"], strict=True))
    rows = dict(zip(_PAIRED["vocabulary"], _PAIRED["weights"], strict=True))
    counts = Counter(features(text))
    weighed = {n: (1 + math.log(c)) * idf[n] for n, c in counts.items() if n in idf}
    length = math.sqrt(sum(w * w for w in weighed.values())) or 1.0
    scores = [sum(w * rows[n][task] for n, w in weighed.items()) / length for task in (0, 1)]
    expected = Calibration(1.0, -2.0, 30.0).apply(scores, known_share(counts, idf, 2.0))
    found = Classifier.of(_PAIRED).classify(text).probabilities
    assert list(found.values()) == pytest.approx(expected, abs=1e-12)


def test_what_the_model_does_not_know_could_be_any_task() -> None:
    for text in ("", "!!!", "12345", "zzz qqq", "\ud800\x00"):
        assert Classifier.of(DOCUMENT).classify(text).confidence == pytest.approx(0.5, abs=0.01)


def test_the_more_of_a_request_is_known_the_more_it_is_trusted() -> None:
    calibration = Calibration(temperature=1.0, offset=-3.0, slope=8.0)
    trusted = [max(calibration.apply([3.0, 0.0], known)) for known in (0.0, 0.3, 0.6, 1.0)]
    assert trusted == sorted(trusted)
    assert trusted[0] < 0.6 < 0.9 < trusted[-1]


def test_a_known_rare_piece_says_more_than_a_known_common_one() -> None:
    idf = {"~the": 1.0, "~cer": 5.0}
    assert known_share(["~the"], idf, 5.0) < known_share(["~cer"], idf, 5.0)
    assert known_share(["word", "two words"], idf, 5.0) == 0.0


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=9),
    st.floats(0, 1),
    st.floats(0.01, 100),
    st.floats(-100, 100),
    st.floats(0, 100),
)
def test_calibrated_probabilities_are_probabilities(
    scores: list[float], known: float, temperature: float, offset: float, slope: float
) -> None:
    found = Calibration(temperature, offset, slope).apply(scores, known)
    assert sum(found) == pytest.approx(1.0)
    assert min(found) >= 0
    assert found[scores.index(max(scores))] == max(found)


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        Classifier.load(tmp_path / "classifier.json")
    assert "has not been trained; run `orchestra train FILE`." in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 0},
        {"tasks": []},
        {"bias": [0.0]},
        {"bias": [0.0, float("nan")]},
        {"weights": [[1.0, 1.0]]},
        {"weights": [[4]] * 7},
        {"idf": "x"},
        {"calibration": {"temperature": 0, "offset": 0, "slope": 0}},
        {"calibration": {"temperature": 1, "offset": -1e9, "slope": 0}},
        {"calibration": None},
        {"vocabulary": None},
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(
    tmp_path: Path, damage: dict[str, object]
) -> None:
    path = tmp_path / "classifier.json"
    path.write_text(json.dumps({**DOCUMENT, **damage}), encoding="utf-8")
    with pytest.raises(PolicyError, match=r"orchestra train FILE"):
        Classifier.load(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00", "null", "[" * 100_000])
def test_a_file_that_is_no_classifier_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "classifier.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=r"orchestra train FILE"):
        Classifier.load(path)
