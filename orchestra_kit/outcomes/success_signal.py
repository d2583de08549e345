"""How likely an answer is to be good, judged before anybody has scored it.

The signal is what a cascade could know at that moment: the prompt, its task (as the table has it,
where in use a classifier would say so) and the answer itself. It is predicted out of fold, so that
no query helps to judge itself, and equal prompts share a fold.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_matrix, hstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from orchestra_kit.outcomes.folds import folds_of
from orchestra_kit.outcomes.prompt_key import prompt_key

__all__ = ["FEWEST", "FOLDS", "success_signal"]

FOLDS = 5
FEWEST = 20
"""Queries below which nothing is learnt that could be told from chance."""
_WORDS = 20_000
_STRENGTH = 1.0
"""scikit-learn's C and its default: a few hundred prompts need the penalty."""

_Numbers = npt.NDArray[np.float64]


def success_signal(
    frame: pd.DataFrame, *, learn_from: pd.DataFrame | None = None, seed: int = 0
) -> _Numbers:
    """The predicted mean score, 0-1, of each row of one model's outcomes.

    Logistic regression over TF-IDF of the prompt's words and pairs, over its task, and over the
    sizes of prompt and answer; a graded score counts as partly good. Predictions are out of fold,
    or, where `learn_from` gives other outcomes of the model, all by what was learnt from those.
    Rows need ``prompt``, ``task`` and ``score``; ``response`` and ``output_tokens`` are used where
    they are. Raises ValueError below 20 rows to learn from, for a missing score, or where the two
    share a prompt.
    """
    learnt = frame if learn_from is None else learn_from
    if len(learnt) < FEWEST:
        raise ValueError(f"a signal is learnt from at least {FEWEST} queries, not {len(learnt)}")
    if learnt["score"].isna().any():
        raise ValueError("a missing score cannot be learnt from; leave it out first")
    whole = frame if learn_from is None else pd.concat([learn_from, frame], ignore_index=True)
    scores = whole["score"].to_numpy(dtype=np.float64)
    prompts = whole["prompt"].astype(str).to_numpy(dtype=object)
    sizes = _sizes(whole)
    if learn_from is not None:
        held = np.arange(len(whole)) >= len(learn_from)
        if set(map(prompt_key, prompts[held])) & set(map(prompt_key, prompts[~held])):
            raise ValueError("what is learnt from may not hold a prompt that is then judged")
        return _predicted(prompts, sizes, scores, held)
    folds = folds_of(prompts, FOLDS, seed)
    signal = np.empty(len(frame))
    for fold in np.unique(folds):
        held = folds == fold
        signal[held] = _predicted(prompts, sizes, scores, held)
    return signal


def _predicted(
    prompts: npt.NDArray[np.object_],
    sizes: _Numbers,
    scores: _Numbers,
    held: npt.NDArray[np.bool_],
) -> _Numbers:
    """Predictions for the rows held back, by a model of the others."""
    known = scores[~held]
    if len(known) < 2 or known.min() == known.max():
        return np.full(int(held.sum()), float(known.mean()) if len(known) else 0.5)
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=_WORDS)
    scaler = StandardScaler()
    learn = _features(vectorizer.fit_transform(prompts[~held]), scaler.fit_transform(sizes[~held]))
    test = _features(vectorizer.transform(prompts[held]), scaler.transform(sizes[held]))
    # Each row counts as good by its score and as bad by the rest of it.
    good, bad = known > 0, known < 1
    rows = np.concatenate([np.flatnonzero(good), np.flatnonzero(bad)])
    truth = np.concatenate([np.ones(good.sum()), np.zeros(bad.sum())])
    weights = np.concatenate([known[good], 1 - known[bad]])
    model = LogisticRegression(C=_STRENGTH, solver="liblinear", max_iter=200)
    with warnings.catch_warnings():
        # A fit stopped early is still a prediction; its worth is what the sweep measures.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(learn[rows], truth, sample_weight=weights)
    return np.asarray(model.predict_proba(test)[:, 1], dtype=np.float64)


def _features(words: csr_matrix, sizes: _Numbers) -> csr_matrix:
    return csr_matrix(hstack([words, csr_matrix(sizes)]))


def _sizes(frame: pd.DataFrame) -> _Numbers:
    """Logarithms of the lengths of prompt and answer, the share of digits, and of lines; then a
    column of 0 and 1 for each task."""
    prompts = frame["prompt"].astype(str)
    length = prompts.str.len().to_numpy(dtype=np.float64)
    columns = [np.log1p(length), _digits(prompts) / np.maximum(length, 1)]
    tasks = frame["task"].to_numpy(dtype=object)
    if "response" in frame and frame["response"].notna().any():
        answers = frame["response"].fillna("").astype(str)
        reply = answers.str.len().to_numpy(dtype=np.float64)
        columns += [
            np.log1p(reply),
            _digits(answers) / np.maximum(reply, 1),
            np.log1p(answers.str.count("\n").to_numpy(dtype=np.float64)),
            (reply == 0).astype(np.float64),
        ]
    elif "output_tokens" in frame and frame["output_tokens"].notna().any():
        tokens = frame["output_tokens"].to_numpy(dtype=np.float64)
        columns.append(np.log1p(np.where(np.isfinite(tokens), tokens, np.nanmedian(tokens))))
    known = [(tasks == task).astype(np.float64) for task in pd.unique(tasks)]
    return np.column_stack([*columns, *known])


def _digits(texts: pd.Series[str]) -> _Numbers:
    return np.asarray(texts.str.count(r"\d"), dtype=np.float64)
