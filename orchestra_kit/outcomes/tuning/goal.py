"""What tuning is to reach, and what it must keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from orchestra_kit.core.display import Shown
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.tuning.sweeps import Keep

__all__ = ["CONFIDENCE", "Aim", "Goal"]

Aim: TypeAlias = Literal["cost", "quality", "latency"]

CONFIDENCE = 0.95
"""One-sided: that what must be kept is kept."""
_MEASURE = {"cost": "cost", "quality": "score", "latency": "latency"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal(Shown):
    """Make one figure better while others stay within a factor of today's.

    ``Goal(aim="cost", keep_quality=0.98)``: as cheap as can be, quality at least 0.98 times today's
    with 95 % confidence. Raises TableError for a factor that is not above 0.
    """

    aim: Aim = "cost"
    keep_quality: float | None = None
    """Least mean quality, as a factor of today's."""
    most_cost: float | None = None
    """Greatest mean cost of a request, as a factor of today's."""
    most_latency: float | None = None
    """Greatest mean seconds of a request, as a factor of today's."""

    def __post_init__(self) -> None:
        for factor in (self.keep_quality, self.most_cost, self.most_latency):
            if factor is not None and not 0 < factor < 100:
                raise TableError(
                    f"{factor:g} is no factor of today's figures.", hint="Such as 0.98 or 1.1."
                )
        if not self.keep:
            raise TableError(
                f"Nothing is said to be kept while {self.aim} is made better.",
                hint="Say how much quality to keep, or how much cost or latency to allow.",
            )

    @property
    def measure(self) -> str:
        """What is made better: ``score``, ``cost`` or ``latency``."""
        return _MEASURE[self.aim]

    @property
    def sign(self) -> float:
        """1 where more of the measure is better."""
        return 1.0 if self.aim == "quality" else -1.0

    @property
    def keep(self) -> tuple[Keep, ...]:
        """What must be kept; the aim itself is never among it."""
        said = {
            "score": self.keep_quality,
            "cost": self.most_cost,
            "latency": self.most_latency,
        }
        return tuple(
            Keep(measure, factor)
            for measure, factor in said.items()
            if factor is not None and measure != self.measure
        )

    def sentence(self) -> str:
        """The goal in words."""
        words = {"score": "quality at least", "cost": "cost at most", "latency": "latency at most"}
        kept = " and ".join(f"{words[k.measure]} {k.factor:g} of today's" for k in self.keep)
        wanted = {"cost": "cost down", "quality": "quality up", "latency": "latency down"}
        return f"{wanted[self.aim]}, {kept}, with {CONFIDENCE:.0%} confidence"
