"""The heat map of the capability matrix."""

from __future__ import annotations

import math
import xml.dom.minidom

import pytest

from orchestra_kit.outcomes.matrix import Matrix
from orchestra_kit.outcomes.table import Outcomes
from tests.outcomes.synthetic import frame, outcomes, write

HOSTILE = "<script>$\\frac{1}{0}$ 漢字"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    return outcomes(tmp_path_factory.mktemp("map")).matrix()


@pytest.mark.parametrize("measure", ["quality", "cost", "latency"])
def test_each_measure_is_drawn_alike_twice(measured: Matrix, measure: str) -> None:
    picture = measured.heatmap(measure)
    assert picture == measured.heatmap(measure)
    xml.dom.minidom.parseString(picture.svg)
    assert "Heat map of 3 models by 6 tasks" in picture.alt
    assert "n = 360 answers, 20 a cell" in picture.caption
    assert "Source: recorded" in picture.caption


def test_the_words_are_the_matrix_own(measured: Matrix) -> None:
    alt = measured.heatmap().alt
    assert measured.finding() in alt
    lowest = min(measured.cells, key=lambda c: c.quality.value)
    assert f"lowest {lowest.quality.value:.2f} ({lowest.model} at {lowest.task})" in alt


def test_ranks_stand_beside_quality_alone(measured: Matrix) -> None:
    single = sum(cell.rank.known for cell in measured.cells)
    assert f"{single} of 18 cells have a single rank" in measured.heatmap().alt
    assert "rank;" not in measured.heatmap("cost").alt


def test_another_measure_is_refused(measured: Matrix) -> None:
    with pytest.raises(ValueError, match="no map of charm; there are quality, cost, latency"):
        measured.heatmap("charm")


def test_gaps_are_said_and_drawn(tmp_path) -> None:
    table = frame()
    table = table[(table["model"] != "small") | (table["task"] != "code")]
    gappy = Outcomes.read(write(tmp_path, table.assign(cost_usd=math.nan))).matrix()
    assert "1 cells are empty" in gappy.heatmap().alt
    assert "Nothing is known of this measure" in gappy.heatmap("cost").alt


def test_hostile_names_are_drawn_and_never_run(tmp_path) -> None:
    table = frame().replace({"model": {"small": HOSTILE}, "task": {"code": HOSTILE}})
    picture = Outcomes.read(write(tmp_path, table)).matrix().heatmap()
    xml.dom.minidom.parseString(picture.svg)
    assert "<script" not in picture.svg + picture.to_html()


def test_one_model_at_one_task_is_enough(tmp_path) -> None:
    table = frame().query("model == 'small' and task == 'code'")
    assert Outcomes.read(write(tmp_path, table)).matrix().heatmap().svg
