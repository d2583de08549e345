"""The quality gate: whether an answer that arrived may be delivered.

An answer that is empty, that is not the data that was declared to be wanted, or that was cut off
where its task wants whole ones, is `malformed`; one that scores below the task's quality floor is
`low_quality`. An unscored answer passes: not knowing is not failing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from orchestra_kit.core.answer import Answer, Score
from orchestra_kit.core.errors import FailureClass
from orchestra_kit.core.request import Request
from orchestra_kit.engine.structured import data_fault
from orchestra_kit.policy.schema import Task

__all__ = ["Scorer", "judge", "score_of"]

CUT_OFF = "the answer was cut off at its greatest length"
"""All that is wrong with an answer which may still be delivered for want of a better one."""
FEWEST_WORDS = 3
"""Of an answer that reached its greatest length, below which it did not even begin."""
NO_PARAMETERS: Mapping[str, object] = MappingProxyType({})

Scorer: TypeAlias = Callable[[Request, Answer], Score]
"""Gives an answer its quality between 0 and 1, or leaves it unscored with a reason."""


def score_of(request: Request, answer: Answer, scorer: Scorer | None) -> Score:
    """The scorer's verdict, else what the source knows of its own answer, else unscored.

    A scorer that fails, or says what is no score, leaves the answer unscored: the request is not
    to suffer for it.
    """
    if scorer is not None:
        name = getattr(scorer, "__name__", type(scorer).__name__)
        try:
            score = scorer(request, answer)
        except Exception as error:  # noqa: BLE001 - somebody else's function
            return Score.unscored(name, f"the scorer failed with {type(error).__name__}")
        return score if _is_score(score) else Score.unscored(name, "the scorer gave no score")
    if answer.score is not None:
        return answer.score
    return Score.unscored("none", "no scorer was given")


def _is_score(score: object) -> bool:
    if not isinstance(score, Score):
        return False
    value: object = score.value
    if value is None:
        return True
    # A bool is no number here, and NaN lies in no range.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def judge(
    task: Task,
    answer: Answer,
    score: Score,
    *,
    parameters: Mapping[str, object] = NO_PARAMETERS,
    seen: bool = False,
) -> tuple[FailureClass, str] | None:
    """Why the answer may not be delivered, or None when it may.

    `parameters` are the request's: an answer that is to be parsed must parse. Words that were
    `seen` already are not held back for being few or poor.
    """
    if not answer.text.strip():
        return FailureClass.MALFORMED, "the answer is empty"
    short = answer.finish == "length" and task.makes == "text" and not seen
    if short and len(answer.text.split()) < FEWEST_WORDS:
        return FailureClass.MALFORMED, "the answer was cut off before it began"
    fault = data_fault(answer.text, parameters)
    if fault:
        return FailureClass.MALFORMED, fault
    if short and task.cut_off == "again":
        return FailureClass.MALFORMED, CUT_OFF
    if score.value is not None and score.value < task.quality_floor and not seen:
        return (
            FailureClass.LOW_QUALITY,
            f"quality {score.value:.2f} is below the floor of {task.quality_floor:.2f}",
        )
    return None
