"""The reliability diagram says its finding, its n and its source, and is drawn alike twice."""

from __future__ import annotations

import xml.dom.minidom

import numpy as np

from orchestra_kit.figures.reliability_diagram import reliability_diagram
from orchestra_kit.outcomes.predictors.reliability import Reliability


def test_the_diagram_is_drawn_alike_twice_and_told_in_words() -> None:
    random = np.random.default_rng(2)
    chance = random.uniform(0.1, 0.9, 800)
    found = Reliability.of(chance, (random.random(800) < chance).astype(np.float64))
    picture = reliability_diagram(found, source="recorded")
    assert picture == reliability_diagram(found, source="recorded")
    xml.dom.minidom.parseString(picture.svg)
    assert found.error.format(3) in picture.alt
    assert picture.alt.count("foretold 0.") == len(found.bins)
    assert "n = 800 queries" in picture.caption
    assert "Source: recorded." in picture.caption
