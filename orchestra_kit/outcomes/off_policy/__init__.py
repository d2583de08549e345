"""The value of a policy on traffic that another one routed, with a right to refuse.

::

    from orchestra_kit.outcomes.off_policy import logged_traffic, policy_target, value_policy

    traffic = logged_traffic(store)
    value_policy(traffic, policy_target(policy, traffic)).table()

`logged` is what is known of past requests, `target` what the policy would do at each, `estimators`
the arithmetic, `overlap` the verdict. Why a figure is refused is told in `docs/why/off-policy.md`.
"""

from __future__ import annotations

from orchestra_kit.outcomes.off_policy.estimators import Estimator
from orchestra_kit.outcomes.off_policy.findings import Valuation
from orchestra_kit.outcomes.off_policy.logged import LoggedTraffic
from orchestra_kit.outcomes.off_policy.overlap import Overlap, Verdict
from orchestra_kit.outcomes.off_policy.policy_target import policy_target
from orchestra_kit.outcomes.off_policy.stored import logged_traffic
from orchestra_kit.outcomes.off_policy.target import Target
from orchestra_kit.outcomes.off_policy.valuation import value_policy

__all__ = [
    "Estimator",
    "LoggedTraffic",
    "Overlap",
    "Target",
    "Valuation",
    "Verdict",
    "logged_traffic",
    "policy_target",
    "value_policy",
]
