"""The ground of the tuner, and the marks on it."""

from __future__ import annotations

import re

import pytest

from orchestra_kit.figures.tuning_map import tuning_map
from orchestra_kit.outcomes.tuning.session import Session
from orchestra_kit.outcomes.tuning.tuned import split_parts
from tests.outcomes.tuning.small import made_up, policy_in


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("map")
    return Session(split_parts(made_up(folder), policy_in(folder / "policy"), progress=False))


def test_the_ground_says_what_it_shows(session: Session) -> None:
    drawn = tuning_map(session).picture
    assert "Today:" in drawn.alt
    assert "large" in drawn.alt
    assert f"n = {session.today.quality.n}" in drawn.caption
    assert "judged on prompts kept apart" in drawn.caption
    assert "recorded" in drawn.caption


def test_a_mark_lies_where_its_figures_say(session: Session) -> None:
    ground = tuning_map(session)
    session.move("rules.4.when.0", 10.0)
    view = session.view()
    svg = ground.marked(view)
    cx = float(re.search(r'<circle cx="([\d.]+)"', svg)[1])
    axes, figure = ground._axes, ground.picture.figure
    at = axes.transData.transform((view.place.across.value, view.place.quality.value))
    share = figure.transFigure.inverted().transform(at)[0]
    assert cx == pytest.approx(share * figure.get_size_inches()[0] * 72, abs=0.01)
    assert svg.endswith("</svg>") or svg.rstrip().endswith("</svg>")
    assert svg.count('class="proposed-point"') == 1
    session.set({})


def test_the_ground_itself_is_not_touched_by_marks(session: Session) -> None:
    ground = tuning_map(session)
    before = ground.picture.svg
    ground.marked(session.view())
    assert ground.picture.svg == before
