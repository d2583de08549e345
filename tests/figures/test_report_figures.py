from __future__ import annotations

import math
import xml.dom.minidom

import pandas as pd
import pytest

from orchestra_kit.analytics.attribution import attribute
from orchestra_kit.analytics.fallback import waterfall
from orchestra_kit.figures.cost_by_task_model import cost_by_task_model
from orchestra_kit.figures.fallback_waterfall import fallback_waterfall
from orchestra_kit.figures.latency_by_task import latency_by_task
from orchestra_kit.figures.weekly_trend import weekly_trend
from tests.analytics.frames import attempts, requests

HOSTILE = "<script>$\\frac{1}{0}$ %s {0} 漢字 " + "x" * 300


def trend(value=0.9):
    rows = [
        {"measure": m, "week": f"2026-W{w}", "value": value, "low": value, "high": value, "n": 5}
        for m in ("availability", "cost_per_request", "quality", "p90_latency")
        for w in (46, 47)
    ]
    return weekly_trend(pd.DataFrame(rows), title="Finding", n=10, source="simulated")


def falls(status=("answered",) * 8 + ("queued", "unavailable"), tier=(0,) * 6 + (1, 2, -1, -1)):
    frame = waterfall(requests(status=list(status), chain_tier=list(tier))).frame()
    return fallback_waterfall(frame, source="simulated")


def costs(task="article", model="gpt"):
    made = attempts(
        [{"task": task, "model": f"{model}{i}", "cost": 1.0 / (i + 1)} for i in range(6)]
    )
    return cost_by_task_model(attribute(made, ("task", "model")), source="live")


def latency(p90=12.0, task="article"):
    rows = [
        {
            "task": task,
            "quantile": q,
            "value": v,
            "low": v * 0.9,
            "high": v * 1.1,
            "n": 90,
            "target": 10.0,
        }
        for q, v in (("p50", p90 / 2), ("p90", p90))
    ]
    return latency_by_task(pd.DataFrame(rows), source="recorded")


ALL = {"trend": trend, "falls": falls, "costs": costs, "latency": latency}


@pytest.mark.parametrize("draw", ALL.values(), ids=ALL)
def test_a_figure_is_sound_described_and_says_where_its_data_come_from(draw):
    picture = draw()
    xml.dom.minidom.parseString(picture.svg)
    assert "<script" not in picture.svg
    assert len(picture.alt) > 40
    assert "n = " in picture.caption
    assert "Source: " in picture.caption


@pytest.mark.parametrize("draw", ALL.values(), ids=ALL)
def test_equal_data_draw_equal_bytes(draw):
    assert draw().svg == draw().svg


def test_the_title_states_what_fallback_did():
    assert falls().alt.startswith("Fallback answered 2 of the 4 requests")


def test_a_week_in_which_all_went_well_is_drawn():
    assert falls(["answered"] * 5, [0] * 5).alt.startswith(
        "The first choice answered every request"
    )


def test_a_late_task_is_named():
    assert "1 of 1 tasks take longer" in latency(12.0).alt
    assert "(too slow)" in latency(12.0).alt
    assert "keep their p90 target" in latency(5.0).alt


def test_a_task_without_data_is_drawn_as_such():
    assert "article: no data" in latency(math.nan).alt


def test_a_trend_without_values_is_drawn_as_such():
    assert "Availability: no data" in trend(math.nan).alt


def test_unpriced_attempts_are_told_in_the_caption():
    made = attempts([{"cost": math.nan}, {"cost": 0.5}])
    picture = cost_by_task_model(attribute(made, ("task", "model")), source="live")
    assert "1 attempts without a known price" in picture.caption


def test_no_known_cost_at_all_is_drawn():
    made = attempts([{"cost": math.nan}])
    assert (
        "No cost is known"
        in cost_by_task_model(attribute(made, ("task", "model")), source="live").alt
    )


@pytest.mark.parametrize("draw", [costs, latency], ids=["costs", "latency"])
def test_names_from_elsewhere_neither_break_a_figure_nor_act_in_it(draw):
    picture = draw(task=HOSTILE)
    xml.dom.minidom.parseString(picture.svg)
    assert "<script" not in picture.svg
