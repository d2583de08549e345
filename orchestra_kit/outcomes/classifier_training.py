"""Training of the task classifier on a policy's labelled requests.

Learned here with scikit-learn, written as plain numbers, evaluated by `routing.classification`
without it. What is reported of it was measured on requests that it had not seen: five folds for
the scores, and again five for the calibration, so that no request helps to judge itself.

Requests that belong to no task have no class of their own. Instead the calibration learns, from
`OFF_TOPIC`, how far to trust a request of whose words only some are known.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from orchestra_kit.core.display import Table
from orchestra_kit.core.errors import PolicyError, Problem
from orchestra_kit.outcomes.calibration import Judgement, Proportion, Unseen, calibrate, judge
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.classification import (
    VERSION,
    Classifier,
    examples_digest,
    features,
    known_share,
)

__all__ = ["FEWEST", "OFF_TOPIC", "TrainedClassifier", "train_classifier"]

FEWEST = 5
"""Examples that every task must have: one for each fold."""
LARGEST = 400_000
"""Bytes of ``classifier.json``, about; bounds the vocabulary."""
_FOLDS = 5
_INVERSE_PENALTY = 10.0
"""scikit-learn's C: mild, since a few hundred short lines need most of their words."""
_Matrix = npt.NDArray[np.float64]

OFF_TOPIC: tuple[str, ...] = (
    "asdf qwer zxcv", "lorem ipsum dolor sit amet", "xkcd 1234 blorp", "hjkl hjkl hjkl uiop",
    "aaaaaaaaaaaa", "qwertyuiop", "!!! ??? ...", "12345", "fnord glarb wuzzle", "zzz",
    "blip blop bloop blap", "vvv nnn mmm bbb", "tset tset 1 2 3", "ok", "hello there",
    "thanks, bye", "good morning everyone", "see you tomorrow then", "my cat is asleep on the sofa",
    "what time is it over there", "it rained all day yesterday", "I forgot my umbrella again",
    "she said the train was late", "we had soup for lunch", "the neighbours are very loud tonight",
    "do you know where my keys are", "he plays football on Sundays", "the lift is broken",
    "remind me to call the dentist", "how are you today", "nobody answered the door",
    "I think the milk has gone off", "turn the lights off in the kitchen", "that was a long walk",
    "the match ended two to one", "my password does not work any more",
    "where is my parcel, it should have come on Friday", "cancel my subscription please",
    "I was charged twice last month", "what is the weather in Oslo this weekend",
    "book a table for four at seven", "set an alarm for half past six", "who won the election",
    "the dog ate my homework", "my sister moved to Canada", "is this seat taken",
    "we are out of printer paper", "the meeting was moved to Tuesday", "please call me back",
    "je ne sais pas", "mañana por la mañana", "wir sehen uns später", "domani forse piove",
    "привет как дела", "こんにちは", "سلام", "the bus stops at the corner", "it is too hot in here",
    "she lost her passport at the airport", "the soup needs more salt",
)  # fmt: skip
"""Noise and small talk that is hardly ever a task; pass your own where it is."""


@dataclass(frozen=True)
class TrainedClassifier:
    """A classifier fresh from training."""

    classifier: Classifier
    """As floor 2 will evaluate it."""
    document: Mapping[str, Any]
    """What `save` writes."""
    vectorizer: TfidfVectorizer
    """scikit-learn's own, with the same rounded numbers."""
    weights: _Matrix
    """One row a task, one column a feature, rounded as they are saved."""
    bias: _Matrix

    @property
    def measured(self) -> Judgement:
        """Accuracy with its interval, calibration error, Brier score, confusion, each with n."""
        found: Judgement = self.document["measured"]
        return found

    def report(self) -> dict[str, object]:
        """What was measured, as JSON knows it, with the policy and the digest of its examples."""
        return {
            "policy": self.document["policy"],
            "examples": self.document["examples"],
            "features": len(self.document["vocabulary"]),
            **self.measured,
        }

    def table(self) -> Table:
        """Confusion by task, under a title that says how good it is and how that was measured."""
        found = self.measured
        tasks = list(found["confusion"])
        rows = []
        for task, taken_for in found["confusion"].items():
            n = sum(taken_for.values())
            rows.append((task, n, f"{taken_for[task] / n:.0%}", *(taken_for[t] for t in tasks)))
        title = (
            f"Right on {_said(found['accuracy'])} of the examples; "
            f"calibration error {found['calibration_error']:.3f}, Brier {found['brier']:.3f}; "
            f"below the floor of {found['confidence_floor']:g}: {_said(found['below_floor'])} of "
            f"the examples and {_said(found['off_topic_below_floor'])} of the off-topic lines "
            f"({found['how']})"
        )
        columns = ("task", "n", "right", *(f"as {task}" for task in tasks))
        return Table(columns, rows, title=title, right=frozenset(columns[1:]))

    def scores(self, texts: Sequence[str]) -> _Matrix:
        """Raw scores by scikit-learn's arithmetic, one row a text, one column a task."""
        return np.asarray(self.vectorizer.transform(texts) @ self.weights.T + self.bias)

    def save(self, path: Path) -> None:
        """Write ``classifier.json``: whole or not at all, alike for equal examples and seed."""
        text = json.dumps(self.document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        beside = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            beside.write_text(f"{text}\n", encoding="utf-8", newline="\n")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def train_classifier(
    policy: Policy, *, seed: int = 0, off_topic: Sequence[str] = OFF_TOPIC
) -> TrainedClassifier:
    """Learn to tell a policy's tasks apart from its example requests.

    Logistic regression over TF-IDF of words, pairs and pieces of words, classes balanced.
    Temperature and trust are fitted by likelihood on out-of-fold scores, with off-topic lines
    aimed at "could be any". Raises PolicyError where a task has fewer than five different
    examples, or where one request is an example of two tasks.
    """
    texts, truth = _labelled(policy)
    tasks = tuple(policy.tasks)
    # One thread: the matrices are small, threads that wait for one another on a busy machine take
    # twenty times as long, and sums taken in a fixed order give the same bytes every time.
    with threadpool_limits(limits=1):
        unseen = _out_of_fold(texts, truth, off_topic, len(tasks), seed)
        calibration = calibrate(unseen)
        measured = judge(unseen, tasks, policy.file.confidence_floor)
        vectorizer, weights, bias = _fitted(texts, truth, len(tasks))
    document = {
        "kind": "orchestra_kit task classifier",
        "version": VERSION,
        "policy": policy.name,
        "examples": examples_digest(policy),
        "seed": seed,
        "tasks": list(tasks),
        "calibration": asdict(calibration),
        "measured": measured,
        "vocabulary": [str(name) for name in vectorizer.get_feature_names_out()],
        "idf": vectorizer.idf_.tolist(),
        "weights": weights.T.tolist(),
        "bias": bias.tolist(),
    }
    return TrainedClassifier(
        classifier=Classifier.of(document),
        document=document,
        vectorizer=vectorizer,
        weights=weights,
        bias=bias,
    )


def _said(share: Proportion) -> str:
    return f"{share['value']:.1%} ({share['low']:.1%} to {share['high']:.1%}, n {share['n']})"


def _labelled(policy: Policy) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The different example requests, and the index of the task of each."""
    found: dict[str, tuple[str, int]] = {}
    names = tuple(policy.tasks)
    for index, task in enumerate(names):
        file = str(policy.folder / policy.tasks[task].examples)
        for text in policy.examples(task):
            _, other = found.setdefault(" ".join(text.lower().split()), (text, index))
            if other != index:
                message = f"“{text[:80]}” is an example of {names[other]} and of {task}."
                hint = "A request belongs to one task: keep it in one of the two files."
                raise PolicyError(Problem(file, 0, "", message, hint))
        if sum(1 for _, owner in found.values() if owner == index) < FEWEST:
            message = f"holds fewer than {FEWEST} different examples."
            hint = "Write more; about 60 train a task well."
            raise PolicyError(Problem(file, 0, "", message, hint))
    texts = [text for text, _ in found.values()]
    return texts, np.asarray([owner for _, owner in found.values()], dtype=np.int64)


def _fitted(
    texts: Sequence[str], truth: npt.NDArray[np.int64], tasks: int
) -> tuple[TfidfVectorizer, _Matrix, _Matrix]:
    """Vectorizer, weights (task x feature) and bias, rounded to four decimals: what is saved is
    the model, and scikit-learn computes with the same numbers."""
    vectorizer = TfidfVectorizer(
        analyzer=features,
        sublinear_tf=True,
        max_features=LARGEST // (8 * tasks + 24),
    )
    rows = vectorizer.fit_transform(texts)
    vectorizer.idf_ = np.round(vectorizer.idf_, 4)
    width = len(vectorizer.get_feature_names_out())
    if tasks == 1:
        return vectorizer, np.zeros((1, width)), np.zeros(1)
    model = LogisticRegression(C=_INVERSE_PENALTY, class_weight="balanced", max_iter=2_000)
    model.fit(rows, truth)
    weights, bias = model.coef_, model.intercept_
    if tasks == 2:
        # scikit-learn keeps one row for two classes: sigmoid(z) is the softmax of (-z/2, z/2).
        weights, bias = np.vstack([-weights / 2, weights / 2]), np.array([-0.5, 0.5]) * bias
    # Adding 0.0 turns -0.0 into 0.0, so that the file does not depend on the sign of a rounding.
    return vectorizer, np.round(weights, 4) + 0.0, np.round(bias, 4) + 0.0


def _out_of_fold(
    texts: Sequence[str],
    truth: npt.NDArray[np.int64],
    off_topic: Sequence[str],
    tasks: int,
    seed: int,
) -> Unseen:
    """Scores of every example by a model that was trained without it.

    The off-topic lines, which nothing is trained on, are dealt out to the folds in turn.
    """
    everything = [*texts, *off_topic]
    labels = np.concatenate([truth, np.full(len(off_topic), -1, dtype=np.int64)])
    folds = np.concatenate(
        [np.zeros(len(texts), dtype=np.int64), np.arange(len(off_topic)) % _FOLDS]
    )
    splits = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(texts, truth)
    scores = np.zeros((len(everything), tasks))
    known = np.zeros(len(everything))
    for fold, (learn, test) in enumerate(splits):
        folds[test] = fold
        vectorizer, weights, bias = _fitted([texts[i] for i in learn], truth[learn], tasks)
        idf = dict(zip(vectorizer.get_feature_names_out(), vectorizer.idf_, strict=True))
        for i in np.flatnonzero(folds == fold):
            scores[i] = (vectorizer.transform([everything[i]]) @ weights.T + bias)[0]
            names = dict.fromkeys(features(everything[i]))
            known[i] = known_share(names, idf, max(idf.values()))
    return Unseen(scores=scores, known=known, truth=labels, fold=folds)
