"""What a request demands of whoever answers, and what a deployment cannot give it.

Known before anything is sent, so that no call is spent on finding out: what it brings along, what
must be honoured, where it may be processed and who may see what is in it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from orchestra_kit.core.request import Request
from orchestra_kit.policy.schema import Deployment, Model

__all__ = ["FEATURES", "Demands"]

FEATURES = frozenset({"json_schema", "tools"})
"""Features that a model has only where the policy says so; those that any model of a policy is said
to support are known as well. Any other name is a parameter, which a model takes unless it is said
to reject it."""
_MEDIA = ("image", "audio", "video")


@dataclass(frozen=True, slots=True)
class Demands:
    """What one request demands; all empty for most."""

    media: tuple[str, ...] = ()
    """Besides text: ``image``, ``audio`` or ``video``, once each."""
    requires: tuple[str, ...] = ()
    region: str = ""
    data: str = ""

    @classmethod
    def of(cls, request: Request) -> Demands | None:
        """The demands of a request; None where it has none.

        An attachment is a picture, sound or film by its media type; everything else, PDF included,
        counts as text.
        """
        attached = request.attachments
        if not (attached or request.requires or request.region or request.data):
            return None
        kinds = (each.partition("/")[0].strip().lower() for each in attached)
        media = tuple(dict.fromkeys(kind for kind in kinds if kind in _MEDIA))
        found = cls(media, tuple(request.requires), request.region.lower(), request.data)
        return found if found != _NONE else None

    def unmet(self, deployment: Deployment, model: Model, features: Collection[str]) -> str:
        """Why a deployment cannot meet them, in words; empty where it can."""
        for medium in self.media:
            if medium not in model.reads:
                return f"cannot read {medium}, which is attached"
        for name in self.requires:
            if name in model.rejects:
                return f"rejects {name}, which the request requires"
            if name in features and name not in model.supports:
                return f"is not said to support {name}, which the request requires"
        if self.region and not _within(deployment.region.lower(), self.region):
            where = f"is in {deployment.region}" if deployment.region else "names no region"
            return f"{where}, the request must stay in {self.region}"
        if self.data and self.data not in deployment.data:
            return f"may not see {self.data} data"
        return ""


_NONE = Demands()


def _within(region: str, demanded: str) -> bool:
    """Whether a region is the one demanded or a part of it: ``eu-west-1`` lies in ``eu``.

    The name must end there: ``us`` is not in ``u``.
    """
    return region.startswith(demanded) and not region[len(demanded) : len(demanded) + 1].isalpha()
