"""How likely each model is to succeed at a request, from a model that is plain numbers.

`outcomes.predictors.success_training` learns it from recorded outcomes and writes
``success.json`` beside the policy; here it is evaluated: linear in TF-IDF of the request's words,
in its surface and in its task, then calibrated by a line of knots for each model. Where there is
one, it takes the place of the task's mean in scoring, and rules may ask for the difficulty.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestra_kit.core.errors import PolicyError, Problem
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.linear_text import LinearText
from orchestra_kit.routing.surface import SURFACE, surface_of
from orchestra_kit.routing.text_features import words_of

__all__ = ["ENCODER", "LOOKED_AT", "VERSION", "Expectation", "SuccessModel"]

VERSION = 1
"""Of the file and of the features; another one must be trained again."""
ENCODER = "words-1"
"""What turns text into numbers here; a model that was trained with another cannot be evaluated."""
LOOKED_AT = 1_500
"""Characters of a request that are read: whether it is hard is seen later than what it is about."""
WIDEST = 4.0
"""Standard deviations of the surface beyond which nothing is told apart."""
_TEXTS_KEPT = 2_048
_LONGEST_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of a request before anybody has answered it."""

    chances: Mapping[str, float]
    """Calibrated expected score of each model that the success model knows, 0-1."""
    difficulty: float
    """0-100: 100 times what the likeliest model to succeed lacks to certainty."""


class SuccessModel:
    """A trained model of success. Evaluating it takes no numpy and a fraction of a millisecond."""

    def __init__(
        self,
        *,
        models: Sequence[str],
        weights: Mapping[str, tuple[float, Sequence[float]]],
        bias: Sequence[float],
        surface: Sequence[tuple[float, float, Sequence[float]]],
        tasks: Mapping[str, Sequence[float]],
        knots: Sequence[tuple[Sequence[float], Sequence[float]]],
        digest: str,
        measured: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """`surface`: mean, scale and weights of each column; `knots`: raw and calibrated scores of
        each model, rising."""
        self.models = tuple(models)
        self.digest = digest
        """Of the outcomes it learned from."""
        self.measured = measured
        """What was measured of it, on queries it had not seen: plain JSON."""
        self._text = LinearText(weights, len(self.models))
        self._bias = tuple(bias)
        self._surface = tuple(surface)
        self._tasks = dict(tasks)
        self._knots = tuple(knots)
        self._remembered: dict[str, tuple[float, ...]] = {}

    @classmethod
    def load(cls, path: Path) -> SuccessModel:
        """Read ``success.json``; raises PolicyError where it is absent, damaged, of another
        version, or was trained with another encoder."""
        try:
            data = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError) as fault:
            raise _unusable(path, f"cannot be read ({type(fault).__name__});") from None
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise _unusable(path, "is not a success model of this version;")
        if data.get("encoder") != ENCODER:
            named = str(data.get("encoder"))[:80]
            raise _unusable(path, f"was trained with the encoder “{named}”, not “{ENCODER}”;")
        try:
            return cls.of(data)
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise _unusable(path, f"is damaged ({type(fault).__name__});") from None

    @classmethod
    def beside(cls, policy: Policy) -> SuccessModel | None:
        """The one that was trained for a policy; None where there is none. Raises as `load`."""
        return cls.load(policy.success_path) if policy.success_path.is_file() else None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> SuccessModel:
        """The model of a document's numbers; raises KeyError, TypeError or ValueError where they
        do not fit together."""
        models = [str(name) for name in data["models"]]
        columns = len(models)
        rows = [_numbers(row, columns) for row in data["weights"]]
        vocabulary, idf = data["vocabulary"], _numbers(data["idf"], len(rows))
        surface = data["surface"]
        knots = [(_numbers(one["raw"]), _numbers(one["score"])) for one in data["calibration"]]
        if not models or len(vocabulary) != len(rows) or len(knots) != columns:
            raise ValueError("lengths differ")
        if list(surface["names"]) != list(SURFACE):
            raise ValueError("surface")
        if any(len(x) < 2 or len(x) != len(y) or sorted(x) != x for x, y in knots):
            raise ValueError("calibration")
        parts = zip(
            _numbers(surface["mean"], len(SURFACE)),
            _numbers(surface["scale"], len(SURFACE)),
            (_numbers(row, columns) for row in surface["weights"]),
            strict=True,
        )
        return cls(
            models=models,
            weights={
                str(name): (weight, row)
                for name, weight, row in zip(vocabulary, idf, rows, strict=True)
            },
            bias=_numbers(data["bias"], columns),
            surface=[*parts],
            tasks={str(task): _numbers(row, columns) for task, row in data["tasks"].items()},
            knots=knots,
            digest=str(data["outcomes"]),
            measured=data.get("measured", {}),
        )

    def expect(self, text: str, tasks: Mapping[str, float]) -> Expectation:
        """What to expect of a request whose task has these probabilities."""
        raw = list(self._of_text(text))
        for task, share in tasks.items():
            row = self._tasks.get(task)
            if row is not None and share:
                raw = [value + share * weight for value, weight in zip(raw, row, strict=True)]
        chances = [_calibrated(x, *knots) for x, knots in zip(raw, self._knots, strict=True)]
        return Expectation(
            MappingProxyType(dict(zip(self.models, chances, strict=True))),
            round(100.0 * (1.0 - max(chances)), 1),
        )

    def _of_text(self, text: str) -> tuple[float, ...]:
        """Raw scores without the task's part; remembered, for common requests come again."""
        found = self._remembered.get(text)
        if found is None:
            found = self._read(text)
            if len(self._remembered) >= _TEXTS_KEPT:
                self._remembered.clear()
            if len(text) <= _LONGEST_KEPT:
                self._remembered[text] = found
        return found

    def _read(self, text: str) -> tuple[float, ...]:
        words = words_of(text, LOOKED_AT)
        raw = [a + b for a, b in zip(self._text.of(words).scores, self._bias, strict=True)]
        columns = zip(surface_of(text, words), self._surface, strict=True)
        for value, (mean, scale, row) in columns:
            if scale:
                x = min(WIDEST, max(-WIDEST, (value - mean) * scale))
                raw = [total + x * weight for total, weight in zip(raw, row, strict=True)]
        return tuple(raw)

    def __repr__(self) -> str:
        return f"SuccessModel({', '.join(self.models)}; {len(self._text):,} features)"


def _calibrated(raw: float, x: Sequence[float], y: Sequence[float]) -> float:
    """The line through the knots, level beyond both ends."""
    place = bisect_right(x, raw)
    if place == 0:
        return y[0]
    if place == len(x):
        return y[-1]
    before, after = x[place - 1], x[place]
    share = (raw - before) / (after - before)
    return y[place - 1] + share * (y[place] - y[place - 1])


def _numbers(values: Any, length: int | None = None) -> list[float]:
    found = [float(value) for value in values]
    if not all(map(math.isfinite, found)) or (length is not None and len(found) != length):
        raise ValueError("numbers")
    return found


def _unusable(path: Path, message: str) -> PolicyError:
    hint = "run `orchestra outcomes train FILE --policy POLICY`, or remove it."
    return PolicyError(Problem(str(path), 0, "", message, hint))
