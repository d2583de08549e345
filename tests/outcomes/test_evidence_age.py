"""How old evidence is, and what is said where nobody knows."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.outcomes.evidence_age import Mark, ages_of
from orchestra_kit.outcomes.matrix import Matrix
from orchestra_kit.outcomes.matrix_cell import MatrixCell, middle_moment
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.policy.policy import Policy
from tests.outcomes.synthetic import frame, write

TODAY = date(2026, 11, 26)
ROOT = Path(__file__).parents[2]


def _matrix(folder: Path, recorded: str | None) -> Matrix:
    table = frame(queries=8)
    if recorded:
        table["recorded_at"] = pd.Timestamp(recorded, tz="UTC")
    return Outcomes.read(write(folder, table)).matrix()


@pytest.mark.parametrize(
    ("recorded", "days", "mark"),
    [("2026-11-20", 6, Mark.CURRENT), ("2026-08-28", 90, Mark.CURRENT),
     ("2026-08-27", 91, Mark.OLD),
     ("2026-11-27", -1, Mark.AHEAD), (None, None, Mark.UNKNOWN)],
)  # fmt: skip
def test_evidence_is_marked_by_its_age_on_the_day(tmp_path, recorded, days, mark) -> None:
    age = _matrix(tmp_path, recorded).ages(TODAY).cells[0]
    assert (age.days, age.mark) == (days, mark)


def test_the_policy_may_allow_other_ages(tmp_path) -> None:
    matrix = _matrix(tmp_path, "2026-11-20")
    assert not matrix.ages(TODAY, oldest=6).marked
    assert len(matrix.ages(TODAY, oldest=5).marked) == len(matrix.cells)
    with pytest.raises(ValueError, match="negative"):
        matrix.ages(TODAY, oldest=-1)


def test_a_few_new_answers_do_not_make_evidence_new() -> None:
    moments = pd.Series(pd.to_datetime(["2026-01-01"] * 9 + ["2026-11-20"], utc=True))
    assert middle_moment(pd.DataFrame({"recorded_at": moments})).date() == date(2026, 1, 1)


def test_answers_without_a_date_count_as_the_oldest_and_make_it_unknown() -> None:
    moments = pd.Series(pd.to_datetime([None] * 6 + ["2026-11-20"] * 4, utc=True))
    assert middle_moment(pd.DataFrame({"recorded_at": moments})) is None
    assert middle_moment(pd.DataFrame({"score": [1.0]})) is None


@pytest.mark.parametrize(
    ("days", "mark"),
    [(-1, Mark.RETIRED), (0, Mark.RETIRED), (1, Mark.RETIRING), (90, Mark.RETIRING),
     (91, Mark.CURRENT)],
)  # fmt: skip
def test_a_retirement_near_or_past_is_marked_before_any_age(tmp_path, days, mark) -> None:
    policy = Policy.load(ROOT / "examples" / "local")
    name = "qwen2.5-coder-0.5b"
    retiring = policy.models[name].model_copy(update={"retired": TODAY + timedelta(days=days)})
    file = policy.file.model_copy(update={"models": {**policy.models, name: retiring}})
    changed = Policy(file, policy.path)
    table = frame(queries=8).replace({"model": {"large": name, "middle": "qwen-coder-0.5b"}})
    table["recorded_at"] = pd.Timestamp("2026-11-20", tz="UTC")
    ages = Outcomes.read(write(tmp_path, table)).matrix().ages(TODAY, policy=changed)
    marks = {cell.model: cell.mark for cell in ages.cells}
    assert marks == {"small": Mark.CURRENT, name: mark, "qwen-coder-0.5b": mark}


def test_ages_are_told_in_words_and_as_json(tmp_path) -> None:
    ages = _matrix(tmp_path, "2026-01-01").ages(TODAY)
    assert ages.finding() == (
        "The evidence is 329 days old on 2026-11-26; 18 of 18 cells: older than 90 days"
    )
    assert "329 days" in ages.table().to_text()
    told = json.loads(json.dumps(ages.to_dict()))
    assert told["cells"][0]["recorded"] == "2026-01-01"
    unknown = _matrix(tmp_path, None).ages(TODAY)
    assert "not known for any of 18 cells" in unknown.finding()
    assert json.loads(json.dumps(unknown.to_dict()))["cells"][0]["days"] is None


@given(st.integers(-400, 400), st.integers(0, 400))
def test_every_cell_has_one_mark_that_its_days_explain(offset: int, oldest: int) -> None:
    cell = MatrixCell(
        model="m", task="t", n=1, clusters=1, unscored=0, quality=None, rank=None,
        latency_p50=None, latency_p95=None, cost=None, leader="", behind=None,
        against_best="not enough data", recorded=pd.Timestamp(TODAY - timedelta(days=offset)),
    )  # fmt: skip
    (age,) = ages_of([cell], TODAY, oldest=oldest).cells
    assert age.days == offset
    expected = Mark.AHEAD if offset < 0 else Mark.OLD if offset > oldest else Mark.CURRENT
    assert age.mark is expected
