"""The tuner's model without a browser: what moving a slider changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestra_kit.core.errors import TableError
from orchestra_kit.policy.policy import Policy
from orchestra_kit.shipped import path
from orchestra_kit.widgets import ThresholdTuner
from tests.outcomes.synthetic import outcomes
from tests.outcomes.tuning.small import made_up, policy_in

CUT, WEIGHT = "rules.4.when.0", "tiers.standard.cost"


@pytest.fixture
def tuner(tmp_path: Path) -> ThresholdTuner:
    return ThresholdTuner(
        made_up(tmp_path, queries=20), policy_in(tmp_path / "policy"), progress=False
    )


def _parts(tuner: ThresholdTuner) -> tuple[str, str, str]:
    return tuner.figure.value, tuner.changes.value, tuner.status.value


def test_it_begins_with_the_policy_as_it_is(tuner: ThresholdTuner) -> None:
    assert tuner.settings == {}
    assert "the policy&#x27;s own thresholds" in tuner.status.value.lower()
    assert tuner.sliders[CUT].value == 60
    assert tuner.sliders[CUT].description == "The tokens cut of rule “by score”"


def test_moving_a_slider_changes_figure_tables_and_sentence(tuner: ThresholdTuner) -> None:
    before = _parts(tuner)
    tuner.sliders[CUT].value = 10
    after = _parts(tuner)
    assert all(a != b for a, b in zip(after, before, strict=True))
    assert tuner.settings == {CUT: 10.0}
    assert "answered by another" in after[2]
    assert "the tokens cut of rule “by score” from 60 to 10" in after[1]
    assert "requests a week" in after[1]
    assert after[0].count("<polyline") >= 3, "frontier, curve, and the way from today"


def test_what_is_shown_is_what_was_measured(tuner: ThresholdTuner) -> None:
    tuner.sliders[WEIGHT].value = 2.0
    view = tuner.session.view()
    assert f"{view.change.quality[1]:.3f}" in tuner.changes.value
    assert view.place.quality.format(3) in tuner.figure.value


def test_the_point_is_shown_before_a_curve_that_takes_longer(tuner: ThresholdTuner) -> None:
    tuner.sliders[CUT].value = 10
    drawn: list[str] = []
    tuner.figure.observe(lambda change: drawn.append(change["new"]), names="value")
    tuner.sliders[WEIGHT].value = 2.0
    assert [svg.count('stroke="#0072B2" stroke-width="2"') for svg in drawn] == [0, 1]
    tuner.sliders[WEIGHT].value = 0.0
    assert len(drawn) == 3, "from then on one picture a move"


def test_back_to_today_puts_the_sliders_back(tuner: ThresholdTuner) -> None:
    tuner.sliders[CUT].value = 10
    tuner.reset.click()
    assert tuner.sliders[CUT].value == 60
    assert tuner.settings == {}


def test_a_search_moves_the_sliders_to_what_it_found(
    tuner: ThresholdTuner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        type(tuner.session), "search", lambda self, goal: self.set({CUT: 12.0}) or {CUT: 12.0}
    )
    tuner.searches[0].click()
    assert tuner.sliders[CUT].value == 12
    assert "answered by another" in tuner.status.value


def test_a_search_that_finds_nothing_says_so(
    tuner: ThresholdTuner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(tuner.session), "search", lambda self, goal: {})
    tuner.searches[1].click()
    assert "No evidence that other thresholds are better (quality up" in tuner.status.value


def test_saving_writes_a_version_and_shows_the_report_part(tuner: ThresholdTuner) -> None:
    tuner.sliders[CUT].value = 10
    tuner.save.click()
    saved = tuner.session.policy.folder / "orchestra-tuned.yaml"
    assert Policy.load(saved).rules[4].when.endswith("!(tokens <= 10)")
    assert "Saved as orchestra-tuned.yaml" in tuner.status.value
    assert "Report part" in tuner.changes.value
    tuner.save.click()
    assert "role='alert'" in tuner.status.value
    assert "there is a file" in tuner.status.value


def test_a_name_cannot_lead_out_of_the_folder(tuner: ThresholdTuner, tmp_path: Path) -> None:
    tuner.sliders[CUT].value = 10
    tuner.name.value = "../../elsewhere.yaml"
    tuner.save.click()
    assert (tuner.session.policy.folder / "elsewhere.yaml").is_file()


def test_nothing_changed_is_nothing_to_save(tuner: ThresholdTuner) -> None:
    tuner.save.click()
    assert "There is nothing to save" in tuner.status.value


def test_an_error_is_shown_and_the_last_good_picture_stays(
    tuner: ThresholdTuner, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tuner.figure.value
    with monkeypatch.context() as patch:
        patch.setattr(type(tuner.session), "view", _broken)
        tuner.sliders[CUT].value = 10
    assert "role='alert'" in tuner.status.value
    assert "&lt;out of order&gt;" in tuner.status.value
    assert tuner.figure.value == before
    tuner.sliders[CUT].value = 11
    assert "alert" not in tuner.status.value


def _broken(*_: object, **__: object) -> None:
    raise RuntimeError("<out of order>")


def test_where_widgets_cannot_run_figure_and_tables_are_shown(tuner: ThresholdTuner) -> None:
    tuner.sliders[CUT].value = 10
    shown = tuner._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "<svg" in shown["text/html"]
    assert "the tokens cut of rule “by score” from 60 to 10" in shown["text/plain"]


def test_each_part_can_be_found_by_its_class(tuner: ThresholdTuner) -> None:
    found = {name for child in tuner.view.children for name in child._dom_classes}
    assert {"ok-tuner-sliders", "ok-tuner-status", "ok-tuner-figure", "ok-tuner-changes",
            "ok-tuner-save"} <= found  # fmt: skip


def test_hostile_names_are_shown_and_never_run(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    policy = policy_in(tmp_path / "policy", **{"name: by score": f"name: '{hostile}'"})
    tuner = ThresholdTuner(made_up(tmp_path), policy, progress=False)
    tuner.sliders[CUT].value = 10
    shown = "".join(_parts(tuner)) + tuner.to_html()
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_what_cannot_be_tuned_is_refused_when_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="hold none of the models"):
        ThresholdTuner(
            outcomes(tmp_path), Policy.load(path("examples/contentforge")), progress=False
        )
