"""Parameters that models were found not to take: found out once, and left out from then on.

Without the memory every request with such a parameter would be sent twice.
"""

from __future__ import annotations

from orchestra_kit.core.reply import Severity
from orchestra_kit.engine.notices import Notices

__all__ = ["Rejections"]

_MOST = 20
"""Of one deployment; nobody takes so many, and what a provider says must not grow for ever."""


class Rejections:
    """What each deployment of a policy does not take, as long as the policy is at work."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._known: dict[str, frozenset[str]] = {}

    def of(self, deployment: str) -> frozenset[str]:
        """What to leave out of a call."""
        return self._known.get(deployment, frozenset())

    async def learn(self, deployment: str, model: str, parameter: str) -> None:
        """Leave it out from now on; operators are told to write it into the policy."""
        known = self.of(deployment)
        if parameter in known or len(known) >= _MOST:
            return
        self._known[deployment] = known | {parameter}
        await self._notices.tell(
            "parameter_rejected",
            f"{deployment} {parameter}",
            Severity.INFO,
            f"{deployment} does not take {parameter}, which is left out from now on: write it "
            f"under `rejects` of model {model}",
            deployment=deployment,
        )
