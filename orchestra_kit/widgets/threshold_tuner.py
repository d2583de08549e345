"""One slider for the escalation threshold, with quality against cost redrawn as it moves.

Everything that the slider can ask for is measured and drawn before it is shown: a move looks up a
row and sets three values in place. The browser holds back moves while one is under way, so that
dragging never queues up. An error is shown in the status line, and the last good picture stays.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Mapping
from typing import Any

import ipywidgets

from orchestra_kit.figures.escalation_curve import escalation_curve
from orchestra_kit.outcomes.escalation import Escalation, OperatingPoint
from orchestra_kit.outcomes.table import Outcomes

__all__ = ["ThresholdTuner"]

_log = logging.getLogger(__name__)
_STEPS = 200
"""Positions of the slider, about."""
_LOOKS = (
    "<style>.ok-tuner-readout table{border-collapse:collapse;font-size:13px;line-height:1.5}"
    ".ok-tuner-readout td,.ok-tuner-readout th{padding:.2em .9em;border-bottom:1px solid #d9dde1}"
    ".ok-tuner-readout tbody tr:first-child{font-weight:600}"
    ".ok-tuner-figure svg{max-width:100%;height:auto}</style>"
)


class ThresholdTuner:
    """Tune when a cheap model's answer is replaced by a strong one's, on your own outcomes.

    ::

        ThresholdTuner(outcomes, "small", "large")

    The models may be left out where costs are known: see `Escalation.of`, which also says what it
    raises. Where widgets cannot run, the figure and the table of the current threshold are shown.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        cheap: str | None = None,
        strong: str | None = None,
        *,
        threshold: float | None = None,
        seed: int = 0,
    ) -> None:
        self.escalation = Escalation.of(outcomes, cheap, strong, seed=seed)
        self._curve = escalation_curve(self.escalation)
        least, most = self.escalation.span
        half = self.escalation.at_share(0.5).threshold
        start = half if threshold is None else threshold
        self.slider = ipywidgets.FloatSlider(
            value=min(max(start, least), most),
            min=least,
            max=most,
            step=max(0.001, round((most - least) / _STEPS, 3)),
            description="Escalate answers predicted below",
            readout_format=".3f",
            continuous_update=True,
            style={"description_width": "initial"},
            layout=ipywidgets.Layout(width="46em", max_width="100%"),
        )
        self.status = ipywidgets.HTML()
        self.figure = ipywidgets.HTML()
        self.readout = ipywidgets.HTML()
        parts = {"slider": self.slider, "status": self.status, "figure": self.figure,
                 "readout": self.readout}  # fmt: skip
        for name, part in parts.items():
            part.add_class(f"ok-tuner-{name}")
        self.view = ipywidgets.VBox(list(parts.values()))
        self._show()
        self.slider.observe(self._moved, names="value")

    @property
    def threshold(self) -> float:
        """The slider's threshold."""
        return float(self.slider.value)

    @property
    def point(self) -> OperatingPoint:
        """What the slider's threshold means."""
        return self.escalation.at(self.threshold)

    def to_html(self) -> str:
        """The current threshold's figure, sentence and table without any widget."""
        point = self.point
        return (
            f"{_LOOKS}<div class='ok-tuner-figure'>{self._curve.marked(point)}</div>"
            f"<div class='ok-tuner-readout'>{self._sentence(point)}{self._table(point)}</div>"
        )

    def to_text(self) -> str:
        """The current threshold's sentence and table."""
        point = self.point
        return f"{self.escalation.sentence(point)}\n{self.escalation.table(point).to_text()}"

    def _moved(self, _: Mapping[str, object]) -> None:
        try:
            self._show()
        except Exception as error:  # noqa: BLE001 - a callback that raises would fail in silence
            _log.exception("the threshold tuner could not be redrawn")
            words = html.escape(f"This threshold cannot be shown: {error}")
            self.status.value = f"<p role='alert' style='color:#a33a00'>{words}</p>"

    def _show(self) -> None:
        point = self.point
        drawing, table = self._curve.marked(point), self._table(point)
        # One message to the browser for each part, and none before all parts are made.
        self.figure.value = f"{_LOOKS}{drawing}"
        self.readout.value = f"{table}{self._caption()}"
        self.status.value = self._sentence(point)

    def _sentence(self, point: OperatingPoint) -> str:
        words = html.escape(self.escalation.sentence(point))
        return f"<p role='status' style='margin:.2em 0'>{words}</p>"

    def _table(self, point: OperatingPoint) -> str:
        return self.escalation.table(point).to_html()

    def _caption(self) -> str:
        words = html.escape(self._curve.picture.caption)
        return f"<p style='font-size:85%;opacity:.8;max-width:52em;line-height:1.4'>{words}</p>"

    def _repr_mimebundle_(self, **wanted: Any) -> dict[str, object]:
        shown = self.view._repr_mimebundle_(**wanted)
        live: dict[str, object] = dict(shown[0] if isinstance(shown, tuple) else shown)
        return {**live, "text/html": self.to_html(), "text/plain": self.to_text()}
