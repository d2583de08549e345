"""Replay a policy over recorded outcomes at any thresholds, and search for better ones.

::

    from orchestra_kit.outcomes.tuning import Assumptions, Goal, tune

    tuned = tune(outcomes, policy, Goal(aim="cost", keep_quality=0.98))
    tuned.save("orchestra-tuned.yaml")
"""

from __future__ import annotations

from orchestra_kit.outcomes.tuning.goal import Goal
from orchestra_kit.outcomes.tuning.policy_replay import Assumptions, PolicyReplay
from orchestra_kit.outcomes.tuning.tuned import Tuned, tune

__all__ = ["Assumptions", "Goal", "PolicyReplay", "Tuned", "tune"]
