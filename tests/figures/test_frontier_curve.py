"""The drawn frontier."""

from __future__ import annotations

import math
import xml.dom.minidom

import pytest
from matplotlib.text import Text

from orchestra_kit.figures.frontier_curve import frontier_curve
from orchestra_kit.figures.point_labels import PointLabel, place_labels
from orchestra_kit.figures.style import drawing
from orchestra_kit.outcomes import Frontier, Outcomes
from tests.outcomes.synthetic import frame, outcomes, write

HOSTILE = "<script>$\\frac{1}{0}$ 漢字"


@pytest.fixture(scope="module")
def frontier(tmp_path_factory: pytest.TempPathFactory) -> Frontier:
    return outcomes(tmp_path_factory.mktemp("frontier")).frontier()


@pytest.mark.parametrize("across", ["cost", "latency"])
def test_either_axis_is_drawn_alike_twice(frontier: Frontier, across: str) -> None:
    picture = frontier_curve(frontier, across)
    assert picture == frontier_curve(frontier, across)
    xml.dom.minidom.parseString(picture.svg)
    assert "n = 120 queries answered by every model" in picture.caption
    assert "Source: recorded" in picture.caption
    assert ("costs: fictitious list price" in picture.caption) is (across == "cost")


def test_the_words_tell_the_finding_and_the_extremes(frontier: Frontier) -> None:
    alt = frontier_curve(frontier).alt
    assert frontier.finding() in alt
    assert "Mean score against mean dollars per 1,000 queries for 4 points and 2 curves" in alt
    best = frontier.point(frontier.best_single)
    assert f"with {best.quality.value:.3f}" in alt
    assert "Beaten by none: small" in alt


def test_the_axis_is_logarithmic_where_nothing_is_free(tmp_path, frontier: Frontier) -> None:
    assert _axes(frontier).get_xscale() == "log"
    free = frame().assign(cost_usd=lambda table: table["cost_usd"].where(
        table["model"] != "small", 0.0))  # fmt: skip
    axes = _axes(Outcomes.read(write(tmp_path, free)).frontier())
    assert axes.get_xscale() == "linear"
    assert "log axis" not in axes.get_xlabel()


def test_a_frontier_without_costs_is_refused_across_costs(tmp_path) -> None:
    free = Outcomes.read(write(tmp_path, frame().assign(cost_usd=math.nan))).frontier()
    with pytest.raises(ValueError, match="no cost is known of any model"):
        frontier_curve(free)
    assert frontier_curve(free, "latency").svg
    with pytest.raises(ValueError, match="no frontier across charm; there are cost, latency"):
        frontier_curve(free, "charm")


def test_models_of_unknown_latency_are_named_as_not_drawn(tmp_path) -> None:
    table = frame()
    table.loc[table["model"] == "small", "latency_s"] = None
    picture = frontier_curve(Outcomes.read(write(tmp_path, table)).frontier(), "latency")
    assert "not drawn, latency unknown: small" in picture.caption


def test_hostile_names_are_drawn_and_never_run(tmp_path) -> None:
    table = frame().replace({"model": {"small": HOSTILE}})
    picture = frontier_curve(Outcomes.read(write(tmp_path, table)).frontier())
    xml.dom.minidom.parseString(picture.svg)
    assert "<script" not in picture.svg + picture.to_html()


def test_it_is_found_by_name_from_the_floor_below(frontier: Frontier) -> None:
    assert frontier.draw("latency") == frontier_curve(frontier, "latency")


def test_names_of_points_that_lie_together_do_not_cover_each_other() -> None:
    with drawing() as figure:
        axes = figure.subplots()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        figure.get_layout_engine().execute(figure)
        places = [(0.5, 0.5), (0.5, 0.52), (0.51, 0.49), (0.49, 0.5)]
        labels = [PointLabel(f"model {k}", at, "#000000") for k, at in enumerate(places)]
        place_labels(axes, labels, places)
        figure.draw_without_rendering()
        boxes = [Text.get_window_extent(text).padded(-2) for text in axes.texts]
    assert len(boxes) == 4
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def _axes(frontier: Frontier):
    return frontier_curve(frontier).figure.axes[0]
