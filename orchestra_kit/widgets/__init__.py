"""Floor 5: ipywidgets over the floors below; no statistics live here.

::

    from orchestra_kit.widgets import ThresholdTuner
"""

from __future__ import annotations

from orchestra_kit.widgets.threshold_tuner import ThresholdTuner

__all__ = ["ThresholdTuner"]
