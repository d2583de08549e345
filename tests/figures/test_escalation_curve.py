"""The curve of quality against cost, and the threshold marked on it."""

from __future__ import annotations

import math
import re
import xml.dom.minidom

import pytest

from orchestra_kit.figures.escalation_curve import EscalationCurve, escalation_curve
from orchestra_kit.outcomes.escalation import Escalation
from orchestra_kit.outcomes.table import Outcomes
from tests.outcomes.synthetic import frame, outcomes, write


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Escalation:
    return Escalation.of(outcomes(tmp_path_factory.mktemp("curve")), "small", "large")


@pytest.fixture(scope="module")
def curve(tuned: Escalation) -> EscalationCurve:
    return escalation_curve(tuned)


def _disc(svg: str) -> tuple[float, float]:
    found = re.search(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    return float(found[1]), float(found[2])


def test_the_curve_is_drawn_alike_twice(tuned: Escalation, curve: EscalationCurve) -> None:
    assert escalation_curve(tuned).picture == curve.picture
    assert tuned.finding() in curve.picture.alt
    assert "0% escalated" in curve.picture.alt
    assert "100% escalated" in curve.picture.alt
    assert "n = 120 queries" in curve.picture.caption
    assert "Source: recorded." in curve.picture.caption


def test_a_marked_threshold_is_valid_and_moves_right_and_up(
    tuned: Escalation, curve: EscalationCurve
) -> None:
    marks = [curve.marked(tuned.at_share(share)) for share in (0.0, 0.5, 1.0)]
    for svg in marks:
        xml.dom.minidom.parseString(svg)
        assert svg.count("<circle") == 1
    places = [_disc(svg) for svg in marks]
    assert places[0][0] < places[1][0] < places[2][0]
    assert places[0][1] > places[2][1], "the strong model is better, and up is less in SVG"


def test_the_mark_stands_where_matplotlib_draws_its_own(tuned: Escalation, curve) -> None:
    # The square of the cheap model is drawn by matplotlib at the same place as the mark.
    x, y = _disc(curve.marked(tuned.never))
    uses = re.findall(r'<use xlink:href="#\w+" x="([\d.]+)" y="([\d.]+)"', curve.picture.svg)
    assert min(math.dist((x, y), (float(a), float(b))) for a, b in uses) < 0.05


def test_the_mark_says_in_words_what_it_marks(tuned: Escalation, curve: EscalationCurve) -> None:
    assert "<title>Marked: 0% escalated" in curve.marked(tuned.never)


def test_without_costs_the_share_escalated_is_the_axis(tmp_path) -> None:
    free = Outcomes.read(write(tmp_path, frame().assign(cost_usd=math.nan)))
    tuned = Escalation.of(free, "small", "large")
    curve = escalation_curve(tuned)
    assert not curve.priced
    assert "against share" in curve.picture.alt
    assert _disc(curve.marked(tuned.never)) < _disc(curve.marked(tuned.always))
