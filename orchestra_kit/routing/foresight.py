"""What a policy's model of success says of a request, by deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from orchestra_kit.core.decision import Classification
from orchestra_kit.core.request import Request
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.success import SuccessModel

__all__ = ["Foreseen", "Foresight"]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is foretold of one request; nothing where there is no model of success."""

    chances: Mapping[str, float]
    """Expected score of each deployment that the model knows, 0-1."""
    difficulty: float | None


_NOTHING = Foreseen(MappingProxyType({}), None)


class Foresight:
    """Asks a model of success on behalf of a policy's deployments."""

    def __init__(self, policy: Policy, success: SuccessModel | None) -> None:
        self._success = success
        known = frozenset(success.models) if success else frozenset()
        # A deployment that was measured by its own name is not its model elsewhere.
        self._known = {
            name: name if name in known else deployment.model
            for name, deployment in policy.deployments.items()
            if name in known or deployment.model in known
        }

    @property
    def active(self) -> bool:
        """Whether it knows any deployment."""
        return bool(self._known)

    def of(self, request: Request, classification: Classification) -> Foreseen:
        """What is foretold of a classified request; nothing of one whose text is not there."""
        if self._success is None or not self._known or not request.text:
            return _NOTHING
        tasks = classification.probabilities or {classification.task: 1.0}
        found = self._success.expect(request.text, tasks)
        chances = {name: found.chances[model] for name, model in self._known.items()}
        return Foreseen(chances, found.difficulty)
