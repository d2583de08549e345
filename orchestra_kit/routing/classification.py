"""The task of a request, with a calibrated confidence, from a model that is plain numbers.

`outcomes.classifier_training` learns it and writes ``classifier.json``; here it is evaluated:
TF-IDF over words, pairs of words and pieces of words, one linear score a task, a softmax. The
confidence is then made honest in two steps, both fitted on requests that the model had not seen: a
temperature, and a shrinkage towards "could be any" by the share of the request that the model does
not know, so that gibberish never looks certain and talk of other things seldom does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestra_kit.core.decision import Classification
from orchestra_kit.core.errors import PolicyError, Problem
from orchestra_kit.core.ids import content_hash
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.linear_text import LinearText
from orchestra_kit.routing.text_features import PIECE, features, words_of

__all__ = ["VERSION", "Calibration", "Classifier", "examples_digest", "features", "known_share"]

VERSION = 1
"""Of the file and of the features; another one must be trained again."""
UNSEEN_PIECES = 8
"""Pieces of words that every request is taken to have beside its own, none of them known."""
_TEXTS_KEPT = 4_096
"""Texts that are remembered: common requests come again and again."""
_LONGEST_KEPT = 2_000
"""Characters of a text that is remembered."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How raw scores become probabilities: ``λ·softmax(scores / temperature) + (1 − λ)/tasks``
    with ``λ = sigmoid(offset + slope · known share)``."""

    temperature: float
    offset: float
    slope: float

    def apply(self, scores: Sequence[float], known: float) -> list[float]:
        """Probabilities that sum to 1, of one raw score a task and the known share, 0-1."""
        top = max(scores)
        raised = [math.exp((score - top) / self.temperature) for score in scores]
        total = sum(raised)
        trust = 1.0 / (1.0 + math.exp(-(self.offset + self.slope * known)))
        rest = (1.0 - trust) / len(scores)
        return [trust * value / total + rest for value in raised]


class Classifier:
    """A trained classifier. Evaluating it takes no numpy and a fraction of a millisecond."""

    def __init__(
        self,
        *,
        tasks: Sequence[str],
        weights: Mapping[str, tuple[float, Sequence[float]]],
        bias: Sequence[float],
        calibration: Calibration,
        digest: str,
        measured: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.tasks = tuple(tasks)
        self.calibration = calibration
        self.digest = digest
        """Of the examples it learned from."""
        self.measured = measured
        """What was measured of it, on examples it had not seen: plain JSON."""
        self._linear = LinearText(weights, len(self.tasks))
        self._bias = tuple(bias)
        self._remembered: dict[str, Classification] = {}

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Read ``classifier.json``; raises PolicyError where it is absent or not one of ours."""
        try:
            data = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise PolicyError(
                Problem(str(path), 0, "", "has not been trained;", "run `orchestra train FILE`.")
            ) from None
        except (OSError, ValueError, RecursionError) as fault:
            raise _unusable(path, f"cannot be read ({type(fault).__name__});") from None
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise _unusable(path, "is not a classifier of this version;")
        try:
            return cls.of(data)
        except (KeyError, TypeError, ValueError) as fault:
            raise _unusable(path, f"is damaged ({type(fault).__name__});") from None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Classifier:
        """The classifier of a document's numbers; raises KeyError, TypeError or ValueError where
        they do not fit together."""
        tasks = [str(task) for task in data["tasks"]]
        bias = _numbers(data["bias"])
        rows = [_numbers(row) for row in data["weights"]]
        idf = _numbers(data["idf"])
        vocabulary = data["vocabulary"]
        if not tasks or len(bias) != len(tasks) or not len(rows) == len(idf) == len(vocabulary):
            raise ValueError("lengths differ")
        if any(len(row) != len(tasks) for row in rows):
            raise ValueError("lengths differ")
        fitted = data["calibration"]
        temperature, offset, slope = _numbers(
            [fitted[key] for key in ("temperature", "offset", "slope")]
        )
        if not 0.001 <= temperature <= 1000 or max(abs(offset), abs(slope)) > 100:
            raise ValueError("calibration")
        return cls(
            tasks=tasks,
            weights={
                str(name): (weight, row)
                for name, weight, row in zip(vocabulary, idf, rows, strict=True)
            },
            bias=bias,
            calibration=Calibration(temperature, offset, slope),
            digest=str(data["examples"]),
            measured=data.get("measured", {}),
        )

    def classify(self, text: str) -> Classification:
        """The likeliest task, its calibrated probability, and those of the others."""
        found = self._remembered.get(text)
        if found is None:
            found = self._classify(text)
            if len(self._remembered) >= _TEXTS_KEPT:
                self._remembered.clear()
            if len(text) <= _LONGEST_KEPT:
                self._remembered[text] = found
        return found

    def _classify(self, text: str) -> Classification:
        found = self._linear.of(words_of(text))
        scores = [total + bias for total, bias in zip(found.scores, self._bias, strict=True)]
        known, unknown = found.known, (UNSEEN_PIECES + found.unknown) * self._linear.rarest
        probabilities = self.calibration.apply(scores, known / (known + unknown) if known else 0.0)
        best = max(range(len(scores)), key=lambda index: (probabilities[index], -index))
        return Classification(
            task=self.tasks[best],
            confidence=probabilities[best],
            probabilities=dict(zip(self.tasks, probabilities, strict=True)),
        )

    def is_current(self, policy: Policy) -> bool:
        """Whether it was trained on the policy's examples as they are now."""
        return self.digest == examples_digest(policy)

    def __repr__(self) -> str:
        return f"Classifier({', '.join(self.tasks)}; {len(self._linear):,} features)"


def known_share(names: Iterable[str], idf: Mapping[str, float], unknown_idf: float) -> float:
    """Weighted share of pieces of words among `names` that `idf` knows; 0.0 where there are none.

    A piece that the model never saw weighs as much as the rarest that it did: that “the” is known
    says nothing, that “ceramic” is known says much. `UNSEEN_PIECES` more count as never seen: two
    known syllables are little to go by. Names are to be given once each.
    """
    known, unknown = 0.0, UNSEEN_PIECES * unknown_idf
    for name in names:
        if name[0] != PIECE:
            continue
        weight = idf.get(name)
        if weight is None:
            unknown += unknown_idf
        else:
            known += weight
    return known / (known + unknown) if known else 0.0


def examples_digest(policy: Policy) -> str:
    """Digest of what a classifier of this policy learns from; another digest means stale."""
    return content_hash(
        {"version": VERSION, "tasks": {task: policy.examples(task) for task in policy.tasks}},
        length=16,
    )


def _numbers(values: Any) -> list[float]:
    found = [float(value) for value in values]
    if not all(map(math.isfinite, found)):
        raise ValueError("not finite")
    return found


def _unusable(path: Path, message: str) -> PolicyError:
    return PolicyError(Problem(str(path), 0, "", message, "run `orchestra train FILE`."))
