"""Sliders for a policy's thresholds; what they do to quality, cost and traffic as they move.

Everything that is shown comes from a `Session` of the floors below. A move looks up the requests
that it concerns and writes marks into a finished drawing; the browser holds back moves while one is
under way, so that dragging never queues up. An error is shown in the status line, and the last good
picture stays.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ipywidgets

from orchestra_kit.core.errors import OrchestraError
from orchestra_kit.figures.tuning_map import tuning_map
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.outcomes.tuning.goal import Goal
from orchestra_kit.outcomes.tuning.policy_replay import Assumptions
from orchestra_kit.outcomes.tuning.session import Dial, Session, View
from orchestra_kit.outcomes.tuning.tuned import REPORT_SHARE, Tuned, split_parts
from orchestra_kit.policy.policy import Policy

__all__ = ["ThresholdTuner"]

_log = logging.getLogger(__name__)
_LOOKS = (
    "<style>.ok-tuner table{border-collapse:collapse;font-size:13px;line-height:1.5}"
    ".ok-tuner td,.ok-tuner th{padding:.2em .9em;border-bottom:1px solid #d9dde1}"
    ".ok-tuner caption{text-align:left;padding:.3em 0}"
    ".ok-tuner-figure svg{max-width:100%;height:auto}</style>"
)
_WIDTH = ipywidgets.Layout(width="52em", max_width="100%")
_GOALS = {
    "Search: cheaper, quality at least 0.98 of today's": Goal(aim="cost", keep_quality=0.98),
    "Search: better, cost at most today's": Goal(aim="quality", most_cost=1.0),
}


class ThresholdTuner:
    """Tune a policy's thresholds on recorded outcomes, and save what was found as a new version.

    ::

        ThresholdTuner(outcomes, policy)

    Only thresholds that make a difference have a slider. What moves is measured on the tuning part
    of the prompts; a version that is saved is judged on the others. Raises as `split_parts` and
    `Session` do. Where widgets cannot run, figure and tables of the present settings are shown.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        policy: Policy,
        assumptions: Assumptions | None = None,
        *,
        requests_per_week: float = 10_000,
        report_share: float = REPORT_SHARE,
        seed: int = 0,
        progress: bool = True,
    ) -> None:
        parts = split_parts(
            outcomes, policy, assumptions, report_share=report_share, seed=seed, progress=progress
        )
        self.session = Session(parts, requests_per_week=requests_per_week)
        self._map = tuning_map(self.session)
        self.sliders = {dial.threshold.key: _slider(dial) for dial in self.session.dials}
        """By the threshold's key."""
        self.status, self.figure, self.changes = (ipywidgets.HTML() for _ in range(3))
        self.name = ipywidgets.Text(
            value=f"{policy.path.stem}-tuned.yaml", description="File", layout={"width": "22em"}
        )
        self.save = _button("Save as new version", self._save)
        self.reset = _button("Back to today", self._reset)
        self.searches = [
            _button(words, partial(self._search, goal))
            for words, goal in _GOALS.items()
            if self.session.measure == "cost"
        ]
        self._goal = next(iter(_GOALS.values()))
        dials = ipywidgets.VBox(
            list(self.sliders.values()), layout={"max_height": "17em", "overflow": "auto"}
        )
        buttons = ipywidgets.HBox([*self.searches, self.reset], layout={"flex_flow": "row wrap"})
        saving = ipywidgets.HBox([self.name, self.save])
        self.view = ipywidgets.VBox(
            [dials, buttons, self.status, self.figure, self.changes, saving]
        )
        self.view.add_class("ok-tuner")
        named = {"sliders": dials, "status": self.status, "figure": self.figure,
                 "changes": self.changes, "save": saving}  # fmt: skip
        for name, part in named.items():
            part.add_class(f"ok-tuner-{name}")
        self._quiet = False
        self._show()
        for key, slider in self.sliders.items():
            slider.observe(partial(self._moved, key), names="value")

    @property
    def settings(self) -> Mapping[str, float]:
        """The thresholds that differ from today's."""
        return self.session.settings

    def to_html(self) -> str:
        """The present settings' figure, sentence and tables without any widget."""
        view = self.session.view()
        return (
            f"{_LOOKS}<div class='ok-tuner'><div class='ok-tuner-figure'>"
            f"{self._map.marked(view)}</div>{_said(view.sentence())}{self._tables(view)}"
            f"{self._caption()}</div>"
        )

    def to_text(self) -> str:
        """The present settings' sentence and tables."""
        view = self.session.view()
        parts = [view.sentence(), *view.words, view.change.table().to_text()]
        return "\n".join([*parts, view.change.flip_table().to_text(), *self.session.notes()])

    def _moved(self, key: str, change: Mapping[str, Any]) -> None:
        if self._quiet:
            return
        with _Telling(self.status, "This cannot be shown"):
            self.session.move(key, float(change["new"]))
            if not self.session.at_hand:  # the point at once, its curve when it is worked out
                self._show(curve=False)
            self._show()

    def _show(self, *, curve: bool = True) -> None:
        view = self.session.view(curve=curve)
        drawing, tables = self._map.marked(view), self._tables(view)
        # One message to the browser for each part, and none before all parts are made.
        self.figure.value = f"{_LOOKS}{drawing}"
        self.changes.value = f"{tables}{self._caption()}"
        self.status.value = _said(view.sentence())

    def _search(self, goal: Goal) -> None:
        with _Telling(self.status, "The search failed"):
            self.status.value = _said("Searching on the tuning part …")
            found = self.session.search(goal)
            self._goal = goal
            self._follow()
            self._show()
            if not found:
                self.status.value = _said(
                    f"No evidence that other thresholds are better ({goal.sentence()})."
                )

    def _reset(self) -> None:
        with _Telling(self.status, "This cannot be shown"):
            self.session.set({})
            self._follow()
            self._show()

    def _save(self) -> None:
        with _Telling(self.status, "Not saved"):
            found, new = self.session.save(self.name.value, self._goal)
            words = f"Saved as {new.path.name}, version {new.hash}. {found.sentence()}"
            self.changes.value = f"{_report(found)}{self._caption()}"
            self.status.value = _said(words)

    def _follow(self) -> None:
        """Put the sliders where the session stands."""
        self._quiet = True
        try:
            for key, slider in self.sliders.items():
                own = self.session.own(key)
                value = self.session.settings.get(key, own)
                slider.max = max(slider.max, value)
                slider.value = value
        finally:
            self._quiet = False

    def _tables(self, view: View) -> str:
        words = "".join(f"<li>{html.escape(line)}</li>" for line in view.words)
        return (
            f"{view.change.table().to_html()}{view.change.flip_table().to_html()}"
            f"<ul style='margin:.4em 0;font-size:13px'>{words}</ul>"
        )

    def _caption(self) -> str:
        words = html.escape(" ".join([self._map.picture.caption, *self.session.notes()]))
        return f"<p style='font-size:85%;opacity:.8;max-width:52em;line-height:1.4'>{words}</p>"

    def _repr_mimebundle_(self, **wanted: Any) -> dict[str, object]:
        shown = self.view._repr_mimebundle_(**wanted)
        live: dict[str, object] = dict(shown[0] if isinstance(shown, tuple) else shown)
        return {**live, "text/html": self.to_html(), "text/plain": self.to_text()}


class _Telling:
    """Tells a failure in the status line: a callback that raises would fail in silence."""

    def __init__(self, status: ipywidgets.HTML, what: str) -> None:
        self._status, self._what = status, what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> bool:
        if not isinstance(error, Exception):
            return False
        if not isinstance(error, OrchestraError):
            _log.error("the threshold tuner failed", exc_info=error)
        words = html.escape(f"{self._what}: {error}")
        self._status.value = f"<p role='alert' style='color:#a33a00'>{words}</p>"
        return True


def _slider(dial: Dial) -> ipywidgets.FloatSlider:
    words = dial.threshold.words
    return ipywidgets.FloatSlider(
        value=min(max(dial.threshold.value, dial.low), dial.high), min=dial.low, max=dial.high,
        step=dial.step, description=words[:1].upper() + words[1:],
        readout_format=".0f" if dial.step == 1.0 else ".2f", continuous_update=True,
        style={"description_width": "26em"}, layout=_WIDTH,
    )  # fmt: skip


def _button(words: str, does: Callable[[], None]) -> ipywidgets.Button:
    button = ipywidgets.Button(description=words, layout={"width": "auto"})
    button.on_click(lambda _: does())
    return button


def _said(words: str) -> str:
    return f"<p role='status' style='margin:.2em 0'>{html.escape(words)}</p>"


def _report(found: Tuned) -> str:
    return f"{found.table().to_html()}{found.report.flip_table().to_html()}"
