"""TF-IDF of words, pairs and pieces is what its formula says."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from orchestra_kit.outcomes.predictors.ridge import dense_ridge, sparse_ridge
from orchestra_kit.outcomes.predictors.text import TextFeatures
from orchestra_kit.routing.text_features import features

TEXTS = np.array(
    ["the cat sat on the mat", "the dog sat, and sat", "a cat and 12 dogs; 300 mats"], dtype=object
)


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet="abc cat sat12.;é日", max_size=60))
def test_a_row_is_counts_by_their_logarithm_times_idf_over_its_length(text: str) -> None:
    learnt = TextFeatures.fit(TEXTS)
    place = {name: k for k, name in enumerate(learnt.names())}
    expected = np.zeros(len(place))
    for name, count in Counter(features(text)).items():
        if name in place:
            expected[place[name]] = (1 + math.log(count)) * learnt.idf[place[name]]
    length = float(np.linalg.norm(expected))
    row = learnt.transform(np.array([text], dtype=object)).toarray()[0]
    assert np.allclose(row, expected / (length or 1.0))


def test_only_what_two_prompts_hold_is_kept_and_the_most_frequent_first() -> None:
    learnt = TextFeatures.fit(TEXTS)
    assert {"cat", "and", "sat", "the"} <= set(learnt.names())
    assert "dog" not in learnt.names()
    assert len(TextFeatures.fit(TEXTS, most=3).names()) <= 3


def test_both_ridges_find_the_minimum() -> None:
    random = np.random.default_rng(0)
    columns, targets = random.normal(size=(40, 6)), random.normal(size=(40, 3))
    targets -= targets.mean(axis=0)
    found = sparse_ridge(csr_array(columns), targets, 2.0)
    exact = np.linalg.solve(columns.T @ columns + 2.0 * np.eye(6), columns.T @ targets)
    assert np.allclose(found, exact, atol=0.02)
    weights, bias = dense_ridge(columns, targets + 5.0, 0.0)
    assert np.allclose((targets + 5.0 - columns @ weights - bias).mean(axis=0), 0.0)
