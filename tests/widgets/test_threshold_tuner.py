"""The tuner's model without a browser: what moving the slider changes."""

from __future__ import annotations

import time

import pytest

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.widgets import ThresholdTuner
from tests.outcomes.synthetic import frame, outcomes, write

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def tuner(tmp_path) -> ThresholdTuner:
    return ThresholdTuner(outcomes(tmp_path), "small", "large")


def _parts(tuner: ThresholdTuner) -> tuple[str, str, str]:
    return tuner.figure.value, tuner.readout.value, tuner.status.value


def test_it_begins_where_half_is_escalated(tuner: ThresholdTuner) -> None:
    assert tuner.point.share_escalated == pytest.approx(0.5, abs=0.03)
    assert tuner.slider.min <= tuner.threshold <= tuner.slider.max


def test_moving_the_slider_changes_figure_table_and_sentence(tuner: ThresholdTuner) -> None:
    before = _parts(tuner)
    tuner.slider.value = tuner.slider.max
    after = _parts(tuner)
    assert all(a != b for a, b in zip(after, before, strict=True))
    assert tuner.point.share_escalated == 1
    assert ">100%<" in after[1]
    assert "no evidence of a loss" in after[2]
    tuner.slider.value = tuner.slider.min
    assert tuner.point.share_escalated == 0
    assert "shows a loss" in tuner.status.value


def test_what_is_shown_is_what_was_measured(tuner: ThresholdTuner) -> None:
    point = tuner.escalation.at(tuner.threshold)
    assert point.quality.format(3) in tuner.readout.value
    assert f"{point.share_escalated:.0%}" in tuner.readout.value
    assert f"quality {point.quality.format(3)}" in tuner.figure.value


def test_a_redraw_takes_a_small_part_of_a_tenth_of_a_second(tuner: ThresholdTuner) -> None:
    low, high = tuner.slider.min, tuner.slider.max
    taken = []
    for step in range(40):
        began = time.perf_counter()
        tuner.slider.value = low + (high - low) * (step % 20 + 0.5) / 20
        taken.append(time.perf_counter() - began)
    assert sorted(taken)[20] < 0.05


def test_an_error_is_shown_and_the_last_good_picture_stays(
    tuner: ThresholdTuner, monkeypatch
) -> None:
    before = tuner.figure.value
    monkeypatch.setattr(type(tuner.escalation), "at", _broken)
    tuner.slider.value = tuner.slider.max
    assert "role='alert'" in tuner.status.value
    assert "&lt;out of order&gt;" in tuner.status.value
    assert tuner.figure.value == before


def _broken(*_: object) -> None:
    raise RuntimeError("<out of order>")


def test_after_an_error_the_next_move_works_again(tuner: ThresholdTuner) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(tuner.escalation), "at", _broken)
        tuner.slider.value = tuner.slider.max
    tuner.slider.value = tuner.slider.min
    assert "alert" not in tuner.status.value
    assert "shows a loss" in tuner.status.value


def test_where_widgets_cannot_run_figure_and_table_are_shown(tuner: ThresholdTuner) -> None:
    shown = tuner._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "<svg" in shown["text/html"]
    assert "at this threshold" in shown["text/html"]
    assert "at this threshold" in shown["text/plain"]


def test_each_part_can_be_found_by_its_class(tuner: ThresholdTuner) -> None:
    classes = [child._dom_classes for child in tuner.view.children]
    assert classes == [("ok-tuner-slider",), ("ok-tuner-status",), ("ok-tuner-figure",),
                       ("ok-tuner-readout",)]  # fmt: skip


def test_a_threshold_can_be_given_and_is_kept_within_the_slider(tmp_path) -> None:
    table = outcomes(tmp_path)
    assert ThresholdTuner(table, "small", "large", threshold=0.6).threshold == 0.6
    far = ThresholdTuner(table, "small", "large", threshold=5.0)
    assert far.threshold == far.slider.max


def test_hostile_names_are_shown_and_never_run(tmp_path) -> None:
    table = frame().replace({"model": {"small": HOSTILE}})
    tuner = ThresholdTuner(Outcomes.read(write(tmp_path, table)), HOSTILE, "large")
    shown = "".join(_parts(tuner)) + tuner.to_html()
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_what_cannot_be_tuned_is_refused_when_it_is_made(tmp_path) -> None:
    with pytest.raises(TableError, match="no model"):
        ThresholdTuner(outcomes(tmp_path), "nobody", "large")
