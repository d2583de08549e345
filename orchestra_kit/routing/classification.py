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
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from orchestra_kit.core.decision import Classification
from orchestra_kit.core.errors import PolicyError, Problem
from orchestra_kit.core.ids import content_hash
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.text_features import PIECE, features, pieces_of, words_of

__all__ = ["VERSION", "Calibration", "Classifier", "examples_digest", "features", "known_share"]

VERSION = 1
"""Of the file and of the features; another one must be trained again."""
UNSEEN_PIECES = 8
"""Pieces of words that every request is taken to have beside its own, none of them known."""
_WORDS_KEPT = 8_192
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
        self._number = {name: number for number, name in enumerate(weights)}
        # What a feature adds if it occurs once: to the square of the length, to what is known, and
        # to the score of each task before that is divided by the length.
        self._adds = tuple(
            (idf * idf, idf if name[0] == PIECE else 0.0, *(idf * weight for weight in row))
            for name, (idf, row) in weights.items()
        )
        self._bias = tuple(bias)
        self._unknown_idf = max((idf for idf, _ in weights.values()), default=1.0)
        self._remembered: dict[str, Classification] = {}
        self._seen_words: dict[str, _Word] = {}

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
        sums, unseen = self._summed(text)
        scores, known = list(self._bias), 0.0
        if sums is not None:
            square, known, *adds = sums
            scale = 1.0 / math.sqrt(square)
            scores = [scale * total + bias for total, bias in zip(adds, self._bias, strict=True)]
        unknown = (UNSEEN_PIECES + unseen) * self._unknown_idf
        probabilities = self.calibration.apply(scores, known / (known + unknown) if known else 0.0)
        best = max(range(len(scores)), key=lambda index: (probabilities[index], -index))
        return Classification(
            task=self.tasks[best],
            confidence=probabilities[best],
            probabilities=dict(zip(self.tasks, probabilities, strict=True)),
        )

    def _summed(self, text: str) -> tuple[list[float] | None, int]:
        """What the known features of a text add, each by how often it occurs, and how many pieces
        of words are not known; None for the first where no feature is known.

        Words are added up as they come, as if what occurs twice counted twice; then the few
        features that do occur again are put right.
        """
        words = words_of(text)
        found = [self._seen_words.get(word) or self._look_up(word) for word in words]
        look_up = self._number.get
        pairs = [look_up(f"{a} {b}") for a, b in pairwise(words)]
        numbers = [number for number in pairs if number is not None]
        parts = [self._adds[number] for number in numbers]
        unknown: set[str] = set()
        for known in found:
            numbers += known.numbers
            unknown.update(known.unknown)
            if known.numbers:
                parts.append(known.adds)
        if not numbers:
            return None, len(unknown)
        square, pieces, *adds = _added(parts)
        for count, again in _repeated(numbers).items():
            times = 1.0 + math.log(count)
            squares, twice, *more = _added(map(self._adds.__getitem__, again))
            square += (times * times - count) * squares
            pieces += (1 - count) * twice
            adds = [one + (times - count) * other for one, other in zip(adds, more, strict=True)]
        return [square, pieces, *adds], len(unknown)

    def _look_up(self, word: str) -> _Word:
        """A word and its pieces; remembered, for most words come again."""
        if len(self._seen_words) >= _WORDS_KEPT:
            self._seen_words.clear()
        names = (word, *pieces_of(word))
        numbers = tuple(self._number[name] for name in names if name in self._number)
        found = self._seen_words[word] = _Word(
            numbers,
            tuple(name for name in names[1:] if name not in self._number),
            tuple(_added([self._adds[number] for number in numbers])) if numbers else (),
        )
        return found

    def is_current(self, policy: Policy) -> bool:
        """Whether it was trained on the policy's examples as they are now."""
        return self.digest == examples_digest(policy)

    def __repr__(self) -> str:
        return f"Classifier({', '.join(self.tasks)}; {len(self._adds):,} features)"


class _Word(NamedTuple):
    """What a word and its pieces are to a classifier."""

    numbers: tuple[int, ...]
    """Of the features that it knows, as often as they occur."""
    unknown: tuple[str, ...]
    """The pieces that it does not."""
    adds: tuple[float, ...]
    """What `numbers` add together; empty where there are none."""


def _repeated(numbers: Sequence[int]) -> dict[int, list[int]]:
    """The numbers that occur more than once, by how often they do."""
    found: dict[int, list[int]] = {}
    for number, count in Counter(numbers).items():
        if count > 1:
            found.setdefault(count, []).append(number)
    return found


def _added(parts: Iterable[tuple[float, ...]]) -> list[float]:
    """Sums by column, picked and added by C: dozens of words, a few interpreter steps."""
    return list(map(sum, zip(*parts, strict=True)))


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
